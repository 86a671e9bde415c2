/** The table of buttons in docs/api/proxmoxvmcommand.md, from the same facts as the API and the help of the plugin. */
import { type CommandFacts, commandNames, commands, rightOf } from '../api/proxmoxvmcommand.ts'

const marked = /<!-- commands -->\n[^]*?<!-- end of commands -->/

/** The page with its marked table (`<!-- commands -->` … `<!-- end of commands -->`) written anew. */
export const withCommandTable = (page: string): string =>
  page.replace(marked, () => `<!-- commands -->\n${table()}\n<!-- end of commands -->`)

function table(): string {
  const rows = commandNames.map((name) => {
    const { mark, leadsTo, needs, does }: CommandFacts = commands[name]
    const shown = `\`${name}\`${mark ? ` ${mark.replaceAll('*', '\\*')}` : ''}${leadsTo ? ` → ${leadsTo}` : ''}`
    return `| ${shown} | \`proxmoxvms/${rightOf(name)}\` | ${needs} | ${does} |`
  })
  return ['', '| command | right to create | needs | what it does |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}
