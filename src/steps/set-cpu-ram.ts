import { configStep, difference, type Values } from '../ladder/config-step.ts'
import { done } from '../ladder/outcome.ts'
import { refused, satisfied, type Step } from '../ladder/step.ts'

/** PVE's defaults: an option that is not set means these (qemu-server, `confdesc`). */
const defaults: Values = { cores: '1', sockets: '1' }

export const setCpuRam = configStep({
  name: 'set_cpu_ram',
  rung: 'set_cpu_ram',
  change: (now, { cpu, memory }) =>
    difference(
      { ...now, ...(now.memory && { memory: currentMemory(now.memory) }) },
      {
        cores: String(cpu.cores),
        sockets: String(cpu.sockets),
        // A template's `vcpus` would plug fewer CPUs than are sold, or more than there are, with which PVE does not start the VM.
        vcpus: undefined,
        ...(cpu.type !== undefined && { cpu: cpu.type }),
        cpulimit: cpu.limit === undefined ? undefined : String(cpu.limit),
        // cgroup v2 clamps to 10000, and the clamped value is what is read back.
        cpuunits: cpu.units === undefined ? undefined : String(Math.min(cpu.units, 10_000)),
        ...(memory.sizeMiB !== undefined && !isTooLittle(now, memory.sizeMiB) && { memory: String(memory.sizeMiB) }),
        balloon: memory.balloonMiB === undefined ? undefined : String(memory.balloonMiB),
      },
      defaults,
    ),
  subjects: (want) => [{ name: 'CPU and memory', want }],
})

/** `memory` has been a number, `"2048"` and `"current=2048"` (qemu-server 8.0.8). */
const currentMemory = (memory: string) => memory.replace(/^current=/, '')

/** With memory hotplug PVE starts no guest below this ("minimum memory must be 1024MB", qemu-server Memory.pm `config`). */
export const leastHotplugMiB = 1024

const isTooLittle = (now: Values, sizeMiB: number): boolean =>
  (now.hotplug ?? '').split(',').includes('memory') && sizeMiB < leastHotplugMiB && now.memory !== String(sizeMiB)

/** Less memory than PVE would start the VM with is not set: the VM would be off after the change. */
export const keepMemory: Step = {
  name: 'set_cpu_ram',
  rung: 'set_cpu_ram',
  needs: 'config',
  check({ config }, { memory: { sizeMiB }, vmid }) {
    if (!config || sizeMiB === undefined || !isTooLittle(config.values, sizeMiB)) return satisfied
    const remedy = `write memory.size: 1Gi, or an admin removes memory from the VM's hotplug (qm set ${vmid} --hotplug network,disk,usb)`
    return refused(
      'PackageInvalid',
      `memory stays as it is instead of ${sizeMiB} MiB: with memory hotplug PVE does not start a VM below ${leastHotplugMiB} MiB; ${remedy}`,
    )
  },
  apply: () => Promise.resolve(done),
}
