/** Numbers of the DNS protocol in use here, from the IANA registry "Domain Name System (DNS) Parameters". */
export const typeCodes = { A: 1, CNAME: 5, SOA: 6, PTR: 12, TXT: 16, AAAA: 28, TSIG: 250, ANY: 255 } as const
export type TypeName = keyof typeof typeCodes

/** RFC 2136 2.4 and 2.5 give NONE and ANY a meaning of their own: "must not be there", "all of it". */
export const classCodes = { IN: 1, NONE: 254, ANY: 255 } as const

export const opcodes = { query: 0, update: 5 } as const

/** Answers, with the four that only an UPDATE can get (RFC 2136 2.2) and the extended ones of a signature (RFC 8945 3). */
export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADSIG: 16,
  BADKEY: 17,
  BADTIME: 18,
  BADTRUNC: 22,
} as const

const rcodeNames = new Map<number, string>(Object.entries(rcodes).map(([name, code]) => [code, name]))
/** `NXRRSET`, or `RCODE 23` for one nobody has named here. */
export const rcodeName = (code: number): string => rcodeNames.get(code) ?? `RCODE ${code}`
