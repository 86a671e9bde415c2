/** One predefined macro: the rules it expands to, each `proto/dport/sport` (later parts may be absent). */
export interface Macro {
  readonly description: string
  readonly rules: string
  /** What it expands to in a rule about IPv6 addresses, where that differs. */
  readonly rules6?: string
  /** The only IP version it can be used with. */
  readonly ipVersion?: 4 | 6
}

/** The macros of PVE 9.2, as `GET /cluster/firewall/macros` names and describes them (recording 33); their ports are those of pve-firewall. */
export const macros: Readonly<Record<string, Macro>> = {
  Amanda: { description: 'Amanda Backup', rules: 'udp/10080 tcp/10080' },
  Auth: { description: 'Auth (identd) traffic', rules: 'tcp/113' },
  BGP: { description: 'Border Gateway Protocol traffic', rules: 'tcp/179' },
  BitTorrent: { description: 'BitTorrent traffic for BitTorrent 3.1 and earlier', rules: 'tcp/6881:6889 udp/6881' },
  BitTorrent32: { description: 'BitTorrent traffic for BitTorrent 3.2 and later', rules: 'tcp/6881:6999 udp/6881' },
  CVS: { description: 'Concurrent Versions System pserver traffic', rules: 'tcp/2401' },
  Ceph: { description: 'Ceph Storage Cluster traffic (Ceph Monitors, OSD & MDS Daemons)', rules: 'tcp/6789 tcp/3300 tcp/6800:7300' },
  Citrix: { description: 'Citrix/ICA traffic (ICA, ICA Browser, CGP)', rules: 'tcp/1494 udp/1604 tcp/2598' },
  DAAP: { description: 'Digital Audio Access Protocol traffic (iTunes, Rythmbox daemons)', rules: 'tcp/3689 udp/3689' },
  DCC: { description: 'Distributed Checksum Clearinghouse spam filtering mechanism', rules: 'tcp/6277' },
  DHCPfwd: { description: 'Forwarded DHCP traffic', rules: 'udp/67:68/67:68' },
  DHCPv6: { description: 'DHCPv6 traffic', rules: 'udp/546:547/546:547', ipVersion: 6 },
  DNS: { description: 'Domain Name System traffic (upd and tcp)', rules: 'udp/53 tcp/53' },
  Distcc: { description: 'Distributed Compiler service', rules: 'tcp/3632' },
  FTP: { description: 'File Transfer Protocol', rules: 'tcp/21' },
  Finger: { description: 'Finger protocol (RFC 742)', rules: 'tcp/79' },
  GNUnet: { description: 'GNUnet secure peer-to-peer networking traffic', rules: 'tcp/2086 udp/2086 tcp/1080 udp/1080' },
  GRE: { description: 'Generic Routing Encapsulation tunneling protocol', rules: '47' },
  Git: { description: 'Git distributed revision control traffic', rules: 'tcp/9418' },
  HKP: { description: 'OpenPGP HTTP key server protocol traffic', rules: 'tcp/11371' },
  HTTP: { description: 'Hypertext Transfer Protocol (WWW)', rules: 'tcp/80' },
  HTTPS: { description: 'Hypertext Transfer Protocol (WWW) over SSL', rules: 'tcp/443' },
  ICPV2: { description: 'Internet Cache Protocol V2 (Squid) traffic', rules: 'udp/3130' },
  ICQ: { description: 'AOL Instant Messenger traffic', rules: 'tcp/5190' },
  IMAP: { description: 'Internet Message Access Protocol', rules: 'tcp/143' },
  IMAPS: { description: 'Internet Message Access Protocol over SSL', rules: 'tcp/993' },
  IPIP: { description: 'IPIP capsulation traffic', rules: '94' },
  IPsec: { description: 'IPsec traffic', rules: 'udp/500/500 50' },
  IPsecah: { description: 'IPsec authentication (AH) traffic', rules: 'udp/500/500 51' },
  IPsecnat: { description: 'IPsec traffic and Nat-Traversal', rules: 'udp/500 udp/4500 50' },
  IRC: { description: 'Internet Relay Chat traffic', rules: 'tcp/6667' },
  Jetdirect: { description: 'HP Jetdirect printing', rules: 'tcp/9100' },
  L2TP: { description: 'Layer 2 Tunneling Protocol traffic', rules: 'udp/1701' },
  LDAP: { description: 'Lightweight Directory Access Protocol traffic', rules: 'tcp/389' },
  LDAPS: { description: 'Secure Lightweight Directory Access Protocol traffic', rules: 'tcp/636' },
  MDNS: { description: 'Multicast DNS', rules: 'udp/5353' },
  MSNP: { description: 'Microsoft Notification Protocol', rules: 'tcp/1863' },
  MSSQL: { description: 'Microsoft SQL Server', rules: 'tcp/1433' },
  Mail: { description: 'Mail traffic (SMTP, SMTPS, Submission)', rules: 'tcp/25 tcp/465 tcp/587' },
  Munin: { description: 'Munin networked resource monitoring traffic', rules: 'tcp/4949' },
  MySQL: { description: 'MySQL server', rules: 'tcp/3306' },
  NNTP: { description: 'NNTP traffic (Usenet).', rules: 'tcp/119' },
  NNTPS: { description: 'Encrypted NNTP traffic (Usenet)', rules: 'tcp/563' },
  NTP: { description: 'Network Time Protocol (ntpd)', rules: 'udp/123' },
  NeighborDiscovery: {
    description: 'IPv6 neighbor solicitation, neighbor and router advertisement',
    rules: 'icmpv6/router-solicitation icmpv6/router-advertisement icmpv6/neighbor-solicitation icmpv6/neighbor-advertisement',
    ipVersion: 6,
  },
  OSPF: { description: 'OSPF multicast traffic', rules: '89' },
  OpenVPN: { description: 'OpenVPN traffic', rules: 'udp/1194' },
  PCA: { description: 'Symantec PCAnywere (tm)', rules: 'udp/5632 tcp/5631' },
  PMG: { description: 'Proxmox Mail Gateway web interface', rules: 'tcp/8006' },
  POP3: { description: 'POP3 traffic', rules: 'tcp/110' },
  POP3S: { description: 'Encrypted POP3 traffic', rules: 'tcp/995' },
  PPtP: { description: 'Point-to-Point Tunneling Protocol', rules: '47 tcp/1723' },
  Ping: { description: 'ICMP echo request', rules: 'icmp/echo-request', rules6: 'icmpv6/echo-request' },
  PostgreSQL: { description: 'PostgreSQL server', rules: 'tcp/5432' },
  Printer: { description: 'Line Printer protocol printing', rules: 'tcp/515' },
  RDP: { description: 'Microsoft Remote Desktop Protocol traffic', rules: 'tcp/3389' },
  RIP: { description: 'Routing Information Protocol (bidirectional)', rules: 'udp/520' },
  RNDC: { description: 'BIND remote management protocol', rules: 'tcp/953' },
  Razor: { description: 'Razor Antispam System', rules: 'tcp/2703' },
  Rdate: { description: 'Remote time retrieval (rdate)', rules: 'tcp/37' },
  Rsync: { description: 'Rsync server', rules: 'tcp/873' },
  SANE: { description: 'SANE network scanning', rules: 'tcp/6566' },
  SMB: { description: 'Microsoft SMB traffic', rules: 'udp/135,445 udp/137:139 udp/1024:65535/137 tcp/135,139,445' },
  SMBswat: { description: 'Samba Web Administration Tool', rules: 'tcp/901' },
  SMTP: { description: 'Simple Mail Transfer Protocol', rules: 'tcp/25' },
  SMTPS: { description: 'Encrypted Simple Mail Transfer Protocol', rules: 'tcp/465' },
  SNMP: { description: 'Simple Network Management Protocol', rules: 'udp/161:162 tcp/161' },
  SPAMD: { description: 'Spam Assassin SPAMD traffic', rules: 'tcp/783' },
  SPICEproxy: { description: 'Proxmox VE SPICE display proxy traffic', rules: 'tcp/3128' },
  SSH: { description: 'Secure shell traffic', rules: 'tcp/22' },
  SVN: { description: 'Subversion server (svnserve)', rules: 'tcp/3690' },
  SixXS: { description: 'SixXS IPv6 Deployment and Tunnel Broker', rules: 'tcp/3874 udp/3740 41 udp/5072,8374' },
  Squid: { description: 'Squid web proxy traffic', rules: 'tcp/3128' },
  Submission: { description: 'Mail message submission traffic', rules: 'tcp/587' },
  Syslog: { description: 'Syslog protocol (RFC 5424) traffic', rules: 'udp/514 tcp/514' },
  TFTP: { description: 'Trivial File Transfer Protocol traffic', rules: 'udp/69' },
  Telnet: { description: 'Telnet traffic', rules: 'tcp/23' },
  Telnets: { description: 'Telnet over SSL', rules: 'tcp/992' },
  Time: { description: 'RFC 868 Time protocol', rules: 'tcp/37' },
  Trcrt: {
    description: 'Traceroute (for up to 30 hops) traffic',
    rules: 'udp/33434:33524 icmp/echo-request',
    rules6: 'udp/33434:33524 icmpv6/echo-request',
  },
  VNC: { description: "VNC traffic for VNC display's 0 - 99", rules: 'tcp/5900:5999' },
  VNCL: { description: 'VNC traffic from Vncservers to Vncviewers in listen mode', rules: 'tcp/5500' },
  Web: { description: 'WWW traffic (HTTP and HTTPS)', rules: 'tcp/80 tcp/443' },
  Webcache: { description: 'Web Cache/Proxy traffic (port 8080)', rules: 'tcp/8080' },
  Webmin: { description: 'Webmin traffic', rules: 'tcp/10000' },
  Whois: { description: 'Whois (nicname, RFC 3912) traffic', rules: 'tcp/43' },
}

const byLowerCase = new Map(Object.keys(macros).map((name) => [name.toLowerCase(), name]))

/** The spelling PVE stores (`ssh` becomes `SSH`), or undefined for an unknown macro. */
export function preferredMacro(name: string): string | undefined {
  return byLowerCase.get(name.toLowerCase())
}

/** The `{proto, dport?, sport?}` a macro expands to for an IP version; empty when it does not apply to that version. */
export function macroRules(name: string, ipVersion: 4 | 6 | undefined): Record<string, string>[] {
  const macro = macros[name]
  if (macro === undefined || (ipVersion !== undefined && macro.ipVersion !== undefined && macro.ipVersion !== ipVersion)) return []
  const text = ipVersion === 6 && macro.rules6 !== undefined ? macro.rules6 : macro.rules
  return text.split(' ').map((rule) => {
    const [proto = '', dport, sport] = rule.split('/')
    return { proto, ...(dport ? { dport } : {}), ...(sport ? { sport } : {}) }
  })
}
