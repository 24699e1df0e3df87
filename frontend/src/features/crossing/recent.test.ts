import { describe, expect, it } from 'vitest'
import { placeId, type Place } from '@/shared/format/places'
import type { Crossing } from './observations'
import { marks } from './recent'

const PLACE: Place = { table: 'analytics_customer', key: ['x'], column: 'name' }

function journey(over: Partial<Crossing>): Crossing {
  return { id: '1', place: PLACE, value: 'v', from: 'mysql', state: 'arrived', ms: 5, at: 1, ...over }
}

describe('marks', () => {
  it('tell on each side whether a value was written there or came', () => {
    expect(marks([journey({})], 'mysql').get(placeId(PLACE))?.arrived).toBe(false)
    expect(marks([journey({})], 'mongo').get('name')?.arrived).toBe(true)
  })

  it('are those of the newest journey, and never of one that was overtaken', () => {
    const lost = journey({ id: '2', from: 'mongo', state: 'overtaken', ms: null, value: 'lost' })
    expect(marks([lost, journey({})], 'mongo').get('name')?.crossing.value).toBe('v')
    expect(marks([lost], 'mongo').size).toBe(0)
  })

  it('leave a side alone that a value has not reached', () => {
    expect(marks([journey({ state: 'under way', ms: null })], 'mongo').size).toBe(0)
  })
})
