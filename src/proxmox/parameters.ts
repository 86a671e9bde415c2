/** What requests of some size are made of. */

export interface CloneParameters {
  newid: number
  /** Not unique in PVE, and never used by us to find anything. */
  name: string
  /** Replaces the template's; carries our mark. */
  description: string
  full: boolean
  /** Full clones only; takes all disks, the cloud-init drive too. */
  storage?: string
  format?: 'raw' | 'qcow2' | 'vmdk'
  /** Pool of PVE the new guest is put into. */
  pool?: string
  /** Another node; only for a template wholly on shared storage. */
  target?: string
}

export interface RestoreParameters {
  /** Volume of the backup. */
  readonly archive: string
  readonly force: boolean
  /** All disks go there; absent: where they were. */
  readonly storage?: string
  readonly pool?: string
  readonly unique?: boolean
  readonly name?: string
  readonly description?: string
  readonly tags?: string
  readonly onboot?: boolean
}

export interface BackupParameters {
  readonly storage: string
  readonly mode: 'snapshot' | 'suspend' | 'stop'
  /** One line; `\\n` stands for a line break, `{{…}}` for PVE's own values. */
  readonly 'notes-template': string
  readonly protected: boolean
}

export interface ConfigChange {
  set: Readonly<Record<string, string | number>>
  /** Options to unset. */
  remove: readonly string[]
  /** Of the read on which the change was planned. */
  digest: string
}
