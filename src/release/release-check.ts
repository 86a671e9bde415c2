/** Whether a tag may become a release: what must agree with it, as sentences; and the section of CHANGELOG.md that is its text. */

export interface ReleaseFiles {
  readonly changelog: string
  /** Of package.json. */
  readonly version: string
  /** Chart.yaml of each chart. */
  readonly charts: readonly string[]
  /** deploy/kustomization.yaml */
  readonly kustomization: string
}

/** What stands below `## [VERSION] - DATE`; undefined = there is no such section, or it is empty. */
export function sectionOf(changelog: string, version: string): string | undefined {
  const escaped = version.replaceAll('.', String.raw`\.`)
  const section = new RegExp(String.raw`^## \[${escaped}\] - \d{4}-\d\d-\d\d\n([^]*?)(?=^## \[|^\[|(?![^]))`, 'm')
    .exec(changelog)?.[1]
    ?.trim()
  return section === '' ? undefined : section
}

/** Sentences; empty = the tag may be released. */
export function releaseFaults(tag: string, files: ReleaseFiles): string[] {
  const version = /^v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)$/.exec(tag)?.[1]
  if (!version) return [`Tag ${tag} is not a version: write v and three numbers, such as v0.2.0.`]
  const faults: string[] = []
  if (sectionOf(files.changelog, version) === undefined) {
    faults.push(`CHANGELOG.md has no section for ${tag}: write "## [${version}] - YYYY-MM-DD" and what changed, above the former version.`)
  }
  if (files.version !== version) faults.push(`package.json has version ${files.version}, the tag is ${tag}.`)
  for (const chart of files.charts) {
    const name = /^name: (.*)$/m.exec(chart)?.[1] ?? 'a chart'
    for (const field of ['version', 'appVersion']) {
      const found = new RegExp(`^${field}: (.*)$`, 'm').exec(chart)?.[1] ?? 'none'
      if (found !== version) faults.push(`Chart ${name} has ${field} ${found}, the tag is ${tag}.`)
    }
  }
  const image = /newTag: (.*)/.exec(files.kustomization)?.[1] ?? 'none'
  if (image !== version) faults.push(`deploy/kustomization.yaml has newTag ${image}, the tag is ${tag}.`)
  return faults
}
