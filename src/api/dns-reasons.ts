/** The reasons that DNS adds to the list of reasons. */

/** Of the condition DNSSynced, and of the conditions of a DNSZone. */
export const dnsReasons = {
  Synced: { who: 'nobody', means: 'Every record of the VM that has a zone is in DNS.' },
  Synchronising: { who: 'operator', means: 'The operator writes or removes records; the message names them.' },
  NoZone: { who: 'nobody', means: 'No DNSZone holds the names of the VM, so there is nothing to write.' },
  Delegated: { who: 'nobody', means: 'The records were given to external-dns, which does not report whether they are in force.' },
  RecordsRemoved: {
    who: 'nobody',
    means: 'The VM is being deleted and its records are out of DNS, or their zones continue to remove them.',
  },
  RecordTaken: {
    who: 'admin',
    means: 'A record of that name belongs to another VM or was not made by the operator; the operator does not touch it.',
  },
  NameInvalid: { who: 'user', means: 'The host name or a ptr is not a valid DNS name; the message says why.' },
  ZoneNotAllowed: { who: 'admin', means: 'The DNSZone that holds the name does not serve this namespace.' },
  ZoneDeleting: { who: 'admin', means: 'The DNSZone that holds the name is being deleted and accepts no new records.' },
  ZoneReady: { who: 'nobody', means: 'The DNS server of the zone answers and allows the operator to write.' },
  DNSUnreachable: { who: 'admin', means: 'The DNS server does not answer; the operator retries at least every half minute.' },
  DNSCredentialsNotFound: { who: 'admin', means: 'The Secret of the DNSZone or its key does not exist.' },
  DNSKeyRefused: { who: 'admin', means: 'The DNS server does not accept the key, its secret or the token.' },
  DNSRefused: { who: 'admin', means: 'The DNS server does not allow the operator to write this; the message says what to grant.' },
  ZoneNotServed: { who: 'admin', means: 'The DNS server does not have the zone, or is not its primary.' },
  ClockSkew: { who: 'admin', means: 'The clocks of the DNS server and of the operator are too far apart for signatures.' },
  DNSRateLimited: {
    who: 'operator',
    means: 'The DNS provider limits the rate of requests; the operator retries when the provider allows it.',
  },
  DNSInvalid: { who: 'user', means: 'The DNS server refuses a record or a setting; the message has its reason.' },
  DNSServerFailed: { who: 'admin', means: 'The DNS server failed to carry out a request; the operator retries with growing pauses.' },
} as const
