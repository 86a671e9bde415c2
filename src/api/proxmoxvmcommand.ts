import * as z from 'zod'
import { atomic, duration, line, nameReference, pveName, rules, statusText, time } from './fields.ts'
import { conditions, type KubeObject, observedGeneration } from './object.ts'
import { template } from './template.ts'

/** One button of the manual. */
export interface CommandFacts {
  /** `*`: may act on a running VM. `**`: only on a stopped one, else refused; it never stops the VM itself. */
  mark?: '*' | '**'
  /** Also a step of creation, followed by this one: `→` in the manual. */
  leadsTo?: string
  /** What must hold, else it is refused. */
  needs: string
  does: string
}

/** The buttons, in the order of the manual: the enum of the API, the help of the plugin and the names of the rights come from here. */
export const commands = {
  Start: { needs: 'stopped, local status ready, not suspended, not Halted', does: 'starts the VM' },
  Stop: { needs: 'running, not Always', does: 'cuts the power' },
  Shutdown: { needs: 'running, not Always', does: 'asks the guest to shut down' },
  Reboot: { needs: 'running', does: 'reboots the guest' },
  Reset: { needs: 'running', does: 'resets the VM like the reset button: the guest does not shut down' },
  Reinstall: {
    needs: 'ready, or VM missing or removed',
    does: 'deletes the VM and creates it again, from another template if one is given',
  },
  SetDedicatedIP: { leadsTo: 'Clone', needs: 'nothing', does: 'allocates every declared address that has none' },
  Clone: { leadsTo: 'SetCPURAM', needs: 'the object has no VM', does: 'clones the template to the VMID and runs all steps again' },
  SetCPURAM: { mark: '**', leadsTo: 'SetSystemDiskSize', needs: 'stopped', does: 'sets cores, sockets, CPU type, limits and memory' },
  SetSystemDiskSize: { mark: '*', leadsTo: 'SetSystemDiskBandwidth', needs: 'cloned', does: 'grows the system disk' },
  SetSystemDiskBandwidth: { mark: '*', leadsTo: 'SetCreatedAdditionalDisk', needs: 'cloned', does: 'sets the limits of the system disk' },
  SetCreatedAdditionalDisk: { mark: '*', leadsTo: 'SetAdditionalDiskSize', needs: 'cloned', does: 'makes and attaches additional disks' },
  SetAdditionalDiskSize: { mark: '*', leadsTo: 'SetAdditionalDiskBandwidth', needs: 'cloned', does: 'grows the additional disks' },
  SetAdditionalDiskBandwidth: { mark: '*', leadsTo: 'SetNetwork', needs: 'cloned', does: 'sets the limits of the additional disks' },
  SetNetwork: { mark: '*', leadsTo: 'SetFirewall', needs: 'cloned', does: 'sets bridge, VLAN and rate; the MAC address stays' },
  SetFirewall: {
    mark: '*',
    leadsTo: 'SetCloudInit',
    needs: 'cloned',
    does: 'adds missing options, rules and anti-spoofing addresses',
  },
  SetCloudInit: { mark: '**', leadsTo: 'ready', needs: 'stopped', does: 'gives user, password, keys and addresses to cloud-init' },
  Remove: { mark: '**', needs: 'stopped', does: 'deletes the VM only; object, VMID, addresses and backups stay' },
  ChangePackage: {
    needs: 'cloned',
    does: 'applies the newest package, with a stop if it needs one, and starts the VM unless Halted or suspended',
  },
  Rollback: {
    needs: 'local status ready, a snapshot that is taken',
    does: 'restores the disks from a snapshot, and all else from the package; everything written since is lost',
  },
  Migrate: {
    mark: '*',
    needs: 'local status ready, another node that is online',
    does: 'moves the VM to another node, without a stop if it runs',
  },
  ResetPassword: {
    mark: '*',
    needs: 'local status ready, a password in spec.cloudInit',
    does: 'sets the password (a new one if it is generated): at once through the guest agent, otherwise at the next start from off',
  },
  SetDNSRecords: { needs: 'nothing', does: 'checks the DNS records now and corrects them' },
} as const satisfies Record<string, CommandFacts>
export type CommandName = keyof typeof commands
export const commandNames = Object.keys(commands) as [CommandName, ...CommandName[]]

/** The name of the right in RBAC: `create` on `proxmoxvms/<this>`. */
export const rightOf = (command: CommandName): string => command.toLowerCase()

export const proxmoxVMCommandSpec = z
  .object({
    vmRef: nameReference('ProxmoxVM', 'The VM, in the namespace of the command.'),
    command: z
      .enum(commandNames)
      .describe('The command. The writer needs the right to create proxmoxvms/<command in lower case>. docs/api has what each needs.'),
    reason: line(256, 'The reason, for people.').exactOptional(),
    template: template
      .exactOptional()
      .describe('Only with Reinstall: the template to install instead of spec.template of the VM. Absent = spec.template.'),
    snapshotRef: nameReference('ProxmoxVMSnapshot', 'Only with Rollback: the snapshot of this VM to go back to.').exactOptional(),
    node: pveName(63, 'pve2', 'Only with Migrate: the node of PVE to move the VM to.').exactOptional(),
    withLocalDisks: z
      .boolean()
      .exactOptional()
      .describe('Only with Migrate: also copies disks on local storages to the other node. Large disks take long.'),
    timeout: duration(
      '10m',
      '1h',
      'How long the command may wait to begin, behind another command or while PVE does not answer. If it has not begun by then it fails and does nothing; if it has begun it continues to its end.',
    ),
    ttlSecondsAfterFinished: z.int().min(0).max(31_536_000).exactOptional().meta({
      description:
        'Seconds after which the finished command is deleted. Absent = kept until its VM is deleted. Do not set it for commands in Git: a deleted command would be applied and run again.',
      format: 'int32',
    }),
  })
  .meta({
    description: 'What to do. Cannot be changed: a command runs once.',
    ...rules(
      { rule: 'self == oldSelf', message: 'a command runs once and cannot change; create another ProxmoxVMCommand' },
      { rule: "!has(self.template) || self.command == 'Reinstall'", message: 'template: only Reinstall has a template; remove the field' },
      {
        rule: "(self.command == 'Rollback') == has(self.snapshotRef)",
        message: 'snapshotRef: Rollback needs the name of a ProxmoxVMSnapshot, and other commands must not have one',
      },
      {
        rule: "(self.command == 'Migrate') == has(self.node)",
        message: 'node: Migrate needs the node to move to, and other commands must not have one',
      },
      { rule: "!has(self.withLocalDisks) || self.command == 'Migrate'", message: 'withLocalDisks: only Migrate has it; remove the field' },
    ),
  })
/** The spec as people write it; the API server fills in `timeout`. */
export type ProxmoxVMCommandSpec = Omit<z.infer<typeof proxmoxVMCommandSpec>, 'timeout'> & { timeout?: string }

export const proxmoxVMCommandStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    phase: statusText(64, 'The command in one word: Pending, Running, Succeeded, Failed. Derived, for people.'),
    message: statusText(4096, 'What was done, or why it was refused or failed.'),
    startedAt: time('When the operator began it.').exactOptional(),
    finishedAt: time('When it succeeded or failed; ttlSecondsAfterFinished counts from here.').exactOptional(),
    intentAt: time(
      'When the operator was about to ask PVE, written before the request. After a restart the operator looks up the result and does not ask again.',
    ).exactOptional(),
    earlierTasks: z
      .array(z.string().max(256))
      .max(8)
      .exactOptional()
      .meta({
        description:
          'PVE tasks of the same type that the VM had in the minute before the request (UPIDs), written with intentAt: none of them is the task of this command.',
        ...atomic,
      }),
    vmUID: statusText(64, 'UID of the ProxmoxVM of the command; a later one of the same name is another VM.'),
    upid: statusText(256, 'The PVE task that carries it out (UPID).'),
    conditions: conditions.exactOptional(),
  })
  .describe('The result. Written by the operator.')
/** The status as the engine writes it. */
export type ProxmoxVMCommandStatus = z.infer<typeof proxmoxVMCommandStatus>

/** One imperative command on one VM, carried out once. */
export interface ProxmoxVMCommand extends KubeObject {
  spec: ProxmoxVMCommandSpec
  status?: ProxmoxVMCommandStatus
}
