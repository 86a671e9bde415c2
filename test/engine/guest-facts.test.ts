import { describe, expect, it } from '@jest/globals'
import { addressesInGuest, guestReady } from '../../src/engine/guest-facts.ts'

const address = (text: string, state?: string) => ({
  name: 'main',
  family: text.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
  address: text,
  prefixLength: 24,
  pool: 'p',
  ...(state && { state }),
})
const guest = (...addresses: string[]) => ({ agent: 'Answering', addresses })

describe('a guest whose cloud-init failed', () => {
  it('says so in the words of cloud-init, with the addresses that are missing', () => {
    const cloudInitErrors = ["('users_groups', 'failed.')"]
    expect(guestReady({ guest: { ...guest('203.0.113.10'), cloudInitErrors }, addresses: [address('203.0.113.10')] })).toMatchObject({
      status: 'False',
      reason: 'CloudInitFailed',
      message: "cloud-init in the guest failed: ('users_groups', 'failed.').",
    })
    expect(guestReady({ guest: { ...guest(), cloudInitErrors }, addresses: [address('203.0.113.10')] }).message).toContain(
      'has not brought up 203.0.113.10',
    )
    expect(guestReady({ guest: guest('203.0.113.10'), addresses: [address('203.0.113.10')] })).toMatchObject({ status: 'True' })
  })
})

describe('a guest that tells its addresses', () => {
  it('has brought up the first address of each family', () => {
    expect(addressesInGuest({ guest: guest('203.0.113.10'), addresses: [address('203.0.113.10')] })).toMatchObject({ status: 'True' })
    expect(addressesInGuest({ guest: guest(), addresses: [address('203.0.113.10')] })).toMatchObject({
      status: 'False',
      message: 'The guest has not brought up 203.0.113.10: it has none.',
    })
  })

  it('is not asked for an address that is being released', () => {
    const leaving = address('2001:db8::9', 'Releasing')
    expect(addressesInGuest({ guest: guest('203.0.113.10'), addresses: [address('203.0.113.10'), leaving] })).toMatchObject({
      status: 'True',
    })
    expect(addressesInGuest({ guest: guest(), addresses: [address('203.0.113.10'), leaving] })).toMatchObject({
      message: 'The guest has not brought up 203.0.113.10: it has none.',
    })
  })
})
