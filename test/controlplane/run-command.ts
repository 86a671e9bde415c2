// A process of its own for the control plane: `node run-command.ts <dir> <assets>`. As main does it, without the rest of main.
import { controlplaneCommand } from '../../src/controlplane/command.ts'

const [dir = '', assetsDir = ''] = process.argv.slice(2)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
const print = (line: string): void => void process.stdout.write(`${line}\n`)
await controlplaneCommand({ dir, assetsDir, signal: stop.signal, print, log: () => undefined })
