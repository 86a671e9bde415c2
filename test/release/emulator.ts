/** QEMU's user mode emulation, with which one machine runs the programs of another architecture (Debian: qemu-user-static). */
import { spawnSync } from 'node:child_process'
import type { Architecture } from '../../src/release/architectures.ts'

const programs: Readonly<Record<Architecture, string>> = { amd64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' }

/** The emulator of `architecture`; undefined where this machine has none, and then the reason why nobody runs `what` is printed. */
export function emulatorFor(architecture: Architecture, what: string): string | undefined {
  const program = programs[architecture]
  if (spawnSync(program, ['--version']).status === 0) return program
  process.stderr.write(`not tested: ${what} runs (there is no ${program} on this machine; Debian has it in qemu-user-static)\n`)
  return undefined
}
