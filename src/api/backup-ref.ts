/** How a backup is named: by its object, or by its file in PVE. */
import * as z from 'zod'
import { objectName, rule } from './fields.ts'

/** `STORAGE:backup/…`, as `kubectl pve backups` shows it. */
const volume = (description: string) =>
  z
    .string()
    .min(1)
    .max(256)
    .meta({
      description,
      ...rule(
        "self.matches('^[A-Za-z][A-Za-z0-9_.-]*:backup/[^ ,=]+$')",
        'write a volume as `kubectl pve backups` shows it: STORAGE:backup/…',
      ),
    })

/** One of name and volume. */
export const backupRef = (o: { description: string; name: string; volume: string }) =>
  z.object({ name: objectName(o.name).exactOptional(), volume: volume(o.volume).exactOptional() }).meta({
    description: o.description,
    ...rule('has(self.name) != has(self.volume)', 'backupRef: write exactly one of name and volume'),
  })
