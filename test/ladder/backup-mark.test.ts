import { describe, expect, it } from '@jest/globals'
import { isBackupOf, parseBackupMark, printBackupMark, printBackupNotes, withoutBackupMark } from '../../src/ladder/backup-mark.ts'

describe('the mark of a backup', () => {
  const mark = { uid: 'b-1', vm: 'v-1' }

  it('is read back as it was written, whatever people wrote before it', () => {
    expect(parseBackupMark(`before the upgrade\n${printBackupMark(mark)}`)).toEqual(mark)
    expect(parseBackupMark(`pve.hosting/backup uid=x vm=y ${printBackupMark(mark)}`)).toEqual(mark)
    expect(parseBackupMark(printBackupNotes('before the upgrade', mark).split('\n')[0])).toEqual(mark)
    for (const notes of [undefined, '', 'shop', 'pve.hosting/backup uid=x']) expect(parseBackupMark(notes)).toBeUndefined()
  })

  it('leaves the words of people, in the spelling of former versions too', () => {
    expect(withoutBackupMark(printBackupNotes('before the upgrade', mark))).toBe('before the upgrade')
    expect(withoutBackupMark(`before the upgrade\n${printBackupMark(mark)}\nkeep`)).toBe('before the upgrade\nkeep')
  })

  it('makes a file that is older than the VM its own, and no other', () => {
    const vm = { uids: ['v-1'], sinceSeconds: 1000 }
    expect(isBackupOf({ ctime: 999, notes: printBackupMark(mark) }, vm)).toBe(true)
    expect(isBackupOf({ ctime: 999, notes: printBackupMark({ ...mark, vm: 'v-2' }) }, vm)).toBe(false)
    expect(isBackupOf({ ctime: 999 }, vm)).toBe(false)
    expect(isBackupOf({ ctime: 1000 }, vm)).toBe(true)
  })
})
