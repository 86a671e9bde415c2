/** When and from what a release is made: the commit, so that the same sources give the same bytes. */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'

export interface Origin {
  /** Seconds since 1970: SOURCE_DATE_EPOCH, else the time of the commit, else that of package.json. */
  readonly madeAt: number
  /** The commit; `-modified` when files differ from it. undefined = no git repository. */
  readonly revision?: string
}

export function originOf(home: string): Origin {
  const git = (...words: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', words, { cwd: home, encoding: 'utf8' })
    return status === 0 ? stdout.trim() : undefined
  }
  const commit = git('rev-parse', 'HEAD')
  const isModified = git('status', '--porcelain', '--untracked-files=no') !== ''
  const epoch = Number(process.env.SOURCE_DATE_EPOCH || git('log', '-1', '--format=%ct') || NaN)
  return {
    madeAt: Number.isFinite(epoch) ? epoch : Math.floor(statSync(join(home, 'package.json')).mtimeMs / 1000),
    ...(commit && { revision: isModified ? `${commit}-modified` : commit }),
  }
}
