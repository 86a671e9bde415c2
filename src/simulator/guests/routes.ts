import { type Call, flag, type Route, str } from '../routes.ts'
import { paramError, refuse } from '../http/refusal.ts'
import { agentRoutes } from './agent-commands.ts'
import { clone } from './clone.ts'
import { create } from './create.ts'
import { destroy } from './destroy.ts'
import { cloudInitView, dumpCloudInit, putCloudInit } from './drive-view.ts'
import { findGuest, loadGuest } from './find.ts'
import { migrate, migratePreconditions } from './migrate.ts'
import { moveDisk } from './move.ts'
import { reboot, reset, shutdown, start, stop } from './power.ts'
import { resize } from './resize.ts'
import { createSnapshot, deleteSnapshot, listSnapshots, putSnapshotConfig, rollback, snapshotConfig } from './snapshots.ts'
import { listGuests, statusCurrent } from './status.ts'
import { resume, suspend } from './suspend.ts'
import { makeTemplate } from './template.ts'
import { vzdump } from '../storage/vzdump.ts'
import { postConfig, putConfig, putUnlink } from './update.ts'
import { configView, pendingView } from './view.ts'
import { supportsLinkedClone } from './copy.ts'
import { isCdrom, isDriveKey, parseDrive } from './drive.ts'

const vm = '/nodes/{node}/qemu/{vmid}'
const names = (key: string, list: string) => () => list.split(' ').map((value) => ({ [key]: value }))

function getConfig(call: Call): unknown {
  const snapshot = str(call, 'snapshot')
  const current = flag(call, 'current')
  if (snapshot !== undefined && current) throw paramError({ snapshot: "cannot use 'snapshot' parameter with 'current'" })
  return configView(loadGuest(call.world, call.node, call.vmid), { current, snapshot })
}

/** The human monitor of QEMU: there is none behind it. */
function monitor(call: Call): string {
  const guest = findGuest(call.world, call.node, call.vmid)
  return guest.isRunning ? `unknown command: '${str(call, 'command')}'\n` : `ERROR: VM ${call.vmid} not running\n`
}

function feature(call: Call): unknown {
  const guest = findGuest(call.world, call.node, call.vmid)
  const wanted = str(call, 'feature')
  const snapname = str(call, 'snapname')
  if (snapname !== undefined && !guest.snapshots.has(snapname)) refuse(`snapshot '${snapname}' does not exist`)
  const volumes = [...guest.config].flatMap(([key, text]) => {
    const drive = isDriveKey(key) ? parseDrive(key, text) : undefined
    const volume = drive && !isCdrom(drive) ? call.world.storage.find(drive['file'] ?? '', call.node) : undefined
    return volume ? [volume] : []
  })
  const has = volumes.every((volume) => {
    if (wanted === 'clone') return supportsLinkedClone(call.world, volume)
    if (wanted === 'snapshot')
      return call.world.storage.isFileBased(volume.storage) ? volume.format === 'qcow2' : call.world.storage.isThin(volume.storage)
    return true
  })
  const shared = volumes.every((volume) => call.world.storage.definitions.get(volume.storage)?.shared)
  return { hasFeature: has ? 1 : 0, nodes: has && shared ? [...call.world.nodes.keys()] : [call.node] }
}

/** Everything below /nodes/{node}/qemu but the firewall. */
export const guestRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/{node}/qemu', handler: listGuests },
  { method: 'POST', path: '/nodes/{node}/qemu', handler: create },
  {
    method: 'GET',
    path: vm,
    handler: names(
      'subdir',
      'agent cloudinit config firewall migrate monitor move mtunnel pending remote_migrate resize rrd rrddata sendkey snapshot spiceproxy status termproxy unlink vncproxy',
    ),
  },
  { method: 'DELETE', path: vm, handler: destroy },
  { method: 'GET', path: `${vm}/config`, handler: getConfig },
  { method: 'PUT', path: `${vm}/config`, handler: putConfig },
  { method: 'POST', path: `${vm}/config`, handler: postConfig },
  { method: 'PUT', path: `${vm}/unlink`, handler: putUnlink },
  {
    method: 'GET',
    path: `${vm}/pending`,
    handler: (call) => call.world.random.shuffled(pendingView(loadGuest(call.world, call.node, call.vmid))),
  },
  { method: 'GET', path: `${vm}/status`, handler: names('subdir', 'current start stop reset shutdown suspend reboot') },
  {
    method: 'GET',
    path: `${vm}/status/current`,
    handler: (call) => statusCurrent(call.world, loadGuest(call.world, call.node, call.vmid)),
  },
  { method: 'POST', path: `${vm}/status/start`, handler: start },
  { method: 'POST', path: `${vm}/status/stop`, handler: stop },
  { method: 'POST', path: `${vm}/status/shutdown`, handler: shutdown },
  { method: 'POST', path: `${vm}/status/reboot`, handler: reboot },
  { method: 'POST', path: `${vm}/status/reset`, handler: reset },
  { method: 'POST', path: `${vm}/status/suspend`, handler: suspend },
  { method: 'POST', path: `${vm}/status/resume`, handler: resume },
  { method: 'POST', path: `${vm}/clone`, handler: clone },
  { method: 'POST', path: `${vm}/template`, handler: makeTemplate },
  { method: 'PUT', path: `${vm}/resize`, handler: resize },
  { method: 'POST', path: `${vm}/move_disk`, handler: moveDisk },
  { method: 'GET', path: `${vm}/migrate`, handler: migratePreconditions },
  { method: 'POST', path: `${vm}/migrate`, handler: migrate },
  { method: 'GET', path: `${vm}/feature`, handler: feature },
  { method: 'GET', path: `${vm}/cloudinit`, handler: cloudInitView },
  { method: 'PUT', path: `${vm}/cloudinit`, handler: putCloudInit },
  { method: 'GET', path: `${vm}/cloudinit/dump`, handler: dumpCloudInit },
  { method: 'POST', path: '/nodes/{node}/vzdump', handler: vzdump },
  { method: 'POST', path: `${vm}/monitor`, handler: monitor },
  { method: 'GET', path: `${vm}/snapshot`, handler: listSnapshots },
  { method: 'POST', path: `${vm}/snapshot`, handler: createSnapshot },
  { method: 'GET', path: `${vm}/snapshot/{snapname}`, handler: () => [{ cmd: 'rollback' }, { cmd: 'config' }] },
  { method: 'DELETE', path: `${vm}/snapshot/{snapname}`, handler: deleteSnapshot },
  { method: 'GET', path: `${vm}/snapshot/{snapname}/config`, handler: snapshotConfig },
  { method: 'PUT', path: `${vm}/snapshot/{snapname}/config`, handler: putSnapshotConfig },
  { method: 'POST', path: `${vm}/snapshot/{snapname}/rollback`, handler: rollback },
  ...agentRoutes,
]
