/** The reasons that DNS adds to the list of reasons. */

/** Of the condition DNSSynced, and of the conditions of a DNSZone. */
export const dnsReasons = {
  Synced: { who: 'nobody', means: 'Every record of the VM that has a zone is in DNS.' },
  Synchronising: { who: 'operator', means: 'Records are being written or removed; the message names them.' },
  NoZone: { who: 'nobody', means: 'No DNSZone holds the names of the VM, so there is nothing to write.' },
  Delegated: { who: 'nobody', means: 'The records were given to external-dns, which does not report whether they are in force.' },
  RecordsRemoved: { who: 'nobody', means: 'The VM is being deleted and its records are out of DNS, or their zones go on removing them.' },
  RecordTaken: { who: 'admin', means: "A record of that name is somebody else's: another VM's, or without our mark; it is left as it is." },
  NameInvalid: { who: 'user', means: 'The host name or a ptr cannot be a name in DNS; the message says why.' },
  ZoneNotAllowed: { who: 'admin', means: 'The DNSZone that holds the name does not serve this namespace.' },
  ZoneDeleting: { who: 'admin', means: 'The DNSZone that holds the name is being deleted and takes no new records.' },
  ZoneReady: { who: 'nobody', means: 'The server of the zone answers and lets us write.' },
  DNSUnreachable: { who: 'admin', means: 'The DNS server does not answer; the operator tries again at least every half minute.' },
  DNSCredentialsNotFound: { who: 'admin', means: 'The Secret of the DNSZone or its key does not exist.' },
  DNSKeyRefused: { who: 'admin', means: 'The DNS server does not accept the key, its secret or the token.' },
  DNSRefused: { who: 'admin', means: 'The DNS server knows us and does not let us write this; the message says what to grant.' },
  ZoneNotServed: { who: 'admin', means: 'The DNS server does not have the zone, or is not its primary.' },
  ClockSkew: { who: 'admin', means: 'The clocks of the DNS server and of the operator are too far apart for signatures.' },
  DNSRateLimited: { who: 'operator', means: 'The DNS provider wants us to be slower; it is tried again when it says.' },
  DNSInvalid: { who: 'user', means: 'The DNS server finds a record or a setting wrong; the message has its words.' },
  DNSServerFailed: { who: 'admin', means: 'The DNS server failed at our request; it is tried again with growing pauses.' },
} as const
