/**
 * What a room may import. One way only, types counted: `spells` names adapters of which only pure files (a spelling, a number format) may be
 * imported; `types` names those of which types may be imported as well, so that a room can hold what it is handed.
 */
export const doors: Record<string, { rooms: readonly string[]; types?: readonly string[]; spells?: readonly string[] }> = {
  api: { rooms: ['api'] },
  ops: { rooms: ['ops', 'api'] },
  kube: { rooms: ['kube', 'api', 'ops'] },
  controlplane: { rooms: ['controlplane', 'api', 'ops', 'kube'] },
  'local-stack': { rooms: ['local-stack', 'controlplane', 'kube', 'ops'] },
  ipam: { rooms: ['ipam', 'api', 'ops'], types: ['kube'] },
  proxmox: { rooms: ['proxmox', 'api', 'ops'] },
  // The mark is a spelling: whose a guest is, is read from it.
  cluster: { rooms: ['cluster', 'proxmox', 'api', 'ops'], types: ['kube'], spells: ['ladder'] },
  dns: { rooms: ['dns', 'api', 'ops'], types: ['kube'], spells: ['ipam'] },
  ladder: { rooms: ['ladder', 'api'] },
  want: { rooms: ['want', 'ladder', 'api'], spells: ['proxmox'] },
  steps: { rooms: ['steps', 'ladder', 'api'], spells: ['proxmox', 'ipam'] },
  lifecycle: { rooms: ['steps', 'ladder', 'api'] },
  engine: { rooms: ['engine', 'lifecycle', 'steps', 'want', 'ladder', 'api'], types: ['cluster', 'proxmox', 'kube', 'ipam', 'dns', 'ops'] },
  snapshots: {
    rooms: ['snapshots', 'engine', 'lifecycle', 'steps', 'want', 'ladder', 'api'],
    types: ['cluster', 'proxmox', 'kube', 'ipam', 'dns', 'ops'],
  },
  commands: {
    rooms: ['commands', 'snapshots', 'engine', 'lifecycle', 'steps', 'want', 'ladder', 'api'],
    types: ['cluster', 'proxmox', 'kube', 'ipam', 'dns', 'ops'],
  },
  backups: {
    rooms: ['backups', 'engine', 'lifecycle', 'steps', 'want', 'ladder', 'api'],
    types: ['cluster', 'proxmox', 'kube', 'ipam', 'dns', 'ops'],
  },
  usage: {
    rooms: ['usage', 'engine', 'lifecycle', 'steps', 'want', 'ladder', 'api'],
    types: ['cluster', 'proxmox', 'kube', 'ipam', 'dns', 'ops'],
  },
  // What can be sold: the rules of placement, counted.
  sale: { rooms: ['sale', 'cluster', 'proxmox', 'api', 'ops'], types: ['kube'], spells: ['ipam'] },
  'without-vm': { rooms: ['backups', 'commands', 'snapshots', 'engine', 'api'], types: ['kube'] },
  'vm-controller': {
    rooms: ['without-vm', 'backups', 'usage', 'commands', 'snapshots', 'engine', 'lifecycle', 'steps', 'want', 'ladder', 'api'],
    types: ['cluster', 'proxmox', 'kube', 'ipam', 'dns', 'ops'],
  },
  // The page runs in browsers: it shares with the broker the words of their talk, and nothing else.
  'console-page': { rooms: ['console-page'] },
  console: { rooms: ['console', 'proxmox', 'kube', 'api', 'ops'], types: ['cluster', 'console-page'], spells: ['ladder'] },
  crds: { rooms: ['crds', 'api'] },
  // The plugin plans with the engine itself, and talks to Kubernetes only: of PVE it has the spelling.
  plugin: {
    rooms: ['plugin', 'engine', 'lifecycle', 'steps', 'want', 'ladder', 'ipam', 'kube', 'api', 'ops', 'release', 'package.json'],
    spells: ['proxmox', 'cluster'],
  },
  simulator: { rooms: ['simulator'] },
}
