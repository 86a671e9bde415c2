/** What PVE leaves under a number when the restore into it fails, and what stands there while it reads an archive (pure). */

/** No name, no mark, no disk, no network card (qemu-server, restore_vma_archive: `memory: 128`). Undefined: not read. */
export const isBareGuest = (values: Readonly<Record<string, string>> | undefined): boolean =>
  values !== undefined && Object.keys(values).every((key) => key === 'memory' || key === 'digest' || key === 'lock')
