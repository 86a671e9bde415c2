/** The order in which the pages are read. Pages that are not named here stand at the end of the reference, under their own heading. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const docs = join(import.meta.dirname, '..')
const page = (text, link) => ({ text, link })

const named = [
  {
    text: 'Learn',
    items: [
      page('From zero to the first VM', '/guide/tutorial'),
      page('Concepts', '/guide/concepts'),
      page('Recipes', '/guide/recipes'),
      page('Troubleshooting', '/guide/troubleshooting'),
    ],
  },
  {
    text: 'Run it',
    items: [
      page('Tenants and support staff', '/guide/tenants'),
      page('Upgrade and roll back', '/guide/upgrading'),
      page('Sizing', '/guide/sizing'),
      page('Supported versions', '/guide/supported'),
      page('Helm', '/helm'),
      page('Runbook', '/runbook'),
      page('Metrics, dashboards, alerts', '/metrics'),
      page('Disaster recovery', '/disaster-recovery'),
      page('Uninstall', '/uninstall'),
    ],
  },
  {
    text: 'Sell with it',
    items: [page('WHMCS', '/whmcs'), page('Billing bridge', '/billing-bridge'), page('kubectl pve', '/kubectl-pve'), page('Argo CD, Flux', '/gitops')],
  },
  {
    text: 'Reference',
    collapsed: true,
    items: [
      ...['ProxmoxVM', 'ProxmoxVMCommand', 'VMPackage', 'IPPool', 'PoolAddress', 'ProxmoxCluster', 'DNSZone'].map((kind) =>
        page(kind, `/api/${kind.toLowerCase()}`),
      ),
      page('Reasons', '/reasons'),
      page('Commands', '/commands'),
      page('Addresses', '/ipam'),
      page('DNS', '/dns'),
      page('Ownership', '/ownership'),
      page('Rights in Proxmox VE', '/pve-permissions'),
      page('Kubernetes API', '/kubernetes-api'),
      page('Simulator', '/simulator'),
    ],
  },
  {
    text: 'How it is made',
    collapsed: true,
    items: [
      page('Architecture', '/architecture'),
      page('Reliability', '/reliability'),
      page('Performance', '/performance'),
      page('Versions of the API', '/versions'),
      page('Releasing', '/releasing'),
      page('Glossary', '/glossary'),
      page('Decisions', '/adr/README'),
    ],
  },
]

const links = new Set(named.flatMap(({ items }) => items.map(({ link }) => link)))
const unnamed = ['', 'api', 'guide'].flatMap((folder) =>
  readdirSync(join(docs, folder))
    .filter((name) => name.endsWith('.md') && name !== 'index.md')
    .map((name) => `/${join(folder, name.slice(0, -'.md'.length))}`)
    .filter((link) => !links.has(link))
    .map((link) => page(/^# (.*)$/m.exec(readFileSync(join(docs, `${link}.md`), 'utf8'))?.[1] ?? link, link)),
)

export const sidebar = named.map((group) => (group.text === 'Reference' ? { ...group, items: [...group.items, ...unnamed] } : group))
