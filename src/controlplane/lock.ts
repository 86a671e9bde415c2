import { open, stat, unlink, utimes } from 'node:fs/promises'
import { systemClock } from '../ops/clock.ts'

const heartbeatMs = 2_000
/** A holder that was killed hard beats no more; five missed beats survive a machine that is busy compiling. */
const staleMs = 5 * heartbeatMs

async function take(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close()
    return true
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault
    return false
  }
}

async function isStale(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && systemClock.now() - found.mtimeMs > staleMs
}

/**
 * Runs `work` while this process alone holds the lock file; others wait for it. The holder shows that it lives by touching the file
 * (a process id would lie after a reboot or in a container).
 */
export async function withLock<T>(path: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  for (let told = false; !(await take(path)); ) {
    if (!told) onWait()
    told = true
    if (await isStale(path)) await unlink(path).catch(() => undefined)
    else await systemClock.sleep(500)
  }
  const beat = setInterval(() => void touch(path), heartbeatMs)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    await unlink(path).catch(() => undefined)
  }
}

const touch = (path: string): Promise<void> => {
  const now = new Date(systemClock.now())
  return utimes(path, now, now).catch(() => undefined)
}
