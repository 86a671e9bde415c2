import { describe, expect, it } from '@jest/globals'
import { exitedWell, judge, judgeExit } from '../../src/proxmox/failures.ts'
import { PveError } from '../../src/proxmox/pve-error.ts'
import { recordedTexts, sourceTexts } from './recorded-texts.ts'

const answered = (status: number, message: string, errors?: Record<string, string>) =>
  new PveError({ message, status, sent: true, route: '/nodes/*/qemu/*/config', method: 'PUT', ...(errors && { errors }) })
const silent = (sent: boolean, code?: string) =>
  new PveError({ message: 'no answer', status: 0, sent, route: '/version', method: 'GET', ...(code && { code }) })

describe('judging what PVE said', () => {
  it.each([...recordedTexts])('$at: $status "$text" is $kind', ({ status, text, kind }) => {
    expect((status === 'task' ? judgeExit(text) : judge(answered(status, text))).kind).toBe(kind)
  })

  it.each([...sourceTexts])('$status "$text" is $kind', ({ status, text, kind }) => {
    expect((status === 'task' ? judgeExit(text) : judge(answered(status, text))).kind).toBe(kind)
  })

  it('repeats what passes and stops at what needs a person', () => {
    const terminal = [...recordedTexts, ...sourceTexts].map(({ status, text }) =>
      status === 'task' ? judgeExit(text) : judge(answered(status, text)),
    )
    for (const { kind, terminal: stops } of terminal)
      expect({ kind, stops }).toEqual({ kind, stops: kind === 'denied' || kind === 'invalid' })
  })

  it('names the lock that is waited for', () => {
    expect(judge(answered(500, 'VM is locked (snapshot-delete)\n'))).toMatchObject({
      kind: 'locked',
      lock: 'snapshot-delete',
      reason: 'Locked',
    })
  })

  it.each([
    `clone failed: lvcreate 'pve/vm-100-cloudinit' error:   Logical Volume "vm-100-cloudinit" already exists in volume group "pve"`,
    "clone failed: rbd create 'vm-100-cloudinit' error: rbd: create error: (17) File exists",
    "clone failed: zfs error: cannot create 'rpool/data/vm-100-cloudinit': dataset already exists",
    "clone failed: disk image '/var/lib/vz/images/100/vm-100-cloudinit.qcow2' already exists",
  ])('knows a volume that is in the way: %s', (text) => {
    expect(judgeExit(text)).toMatchObject({ kind: 'invalid', reason: 'VolumeLeft', terminal: true })
  })

  it('reads the texts of parameters', () => {
    const fault = answered(400, 'Parameter verification failed.\n', { vmid: 'VM 100 already exists' })
    expect(judge(fault)).toMatchObject({ kind: 'taken', message: 'Parameter verification failed. vmid: VM 100 already exists' })
  })

  it('never takes silence for an outcome', () => {
    expect(judge(silent(true))).toMatchObject({ kind: 'unknown-outcome', terminal: false })
    expect(judge(silent(false, 'ECONNREFUSED'))).toMatchObject({ kind: 'unreachable', reason: 'Unreachable' })
    expect(judge(silent(false, 'FINGERPRINT_MISMATCH'))).toMatchObject({ kind: 'unreachable', reason: 'TLSUntrusted' })
  })

  it('keeps faults of our own apart from those of PVE', () => {
    expect(judge(new TypeError('x is undefined'))).toEqual({
      kind: 'other',
      reason: 'Retrying',
      message: 'x is undefined',
      terminal: false,
    })
  })

  it('counts warnings as success', () => {
    expect(['OK', 'WARNINGS: 2', 'VM 100 already running'].map(exitedWell)).toEqual([true, true, false])
  })
})
