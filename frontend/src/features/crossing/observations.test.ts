import { describe, expect, it } from 'vitest'
import { crossings, observations, type LogEntry, type Observation } from './observations'

const KEY = ['5ca4bbcea2dd94ee58162a68']

function seen(side: 'mysql' | 'mongo', value: unknown, since: number, at: number, column = 'name'): Observation {
  return { kind: 'observation', side, table: 'analytics_customer', key: KEY, column, value, since, at }
}

type Written = { at: number; value: unknown } | null

function edit(written: { mysql: Written; mongo: Written }): LogEntry {
  return { kind: 'write', field: 'name', written }
}

describe('crossings', () => {
  it('measures from the acknowledgement of an edit made here', () => {
    const log = [seen('mysql', 'Ada', 90, 110), edit({ mysql: { at: 100, value: 'Ada' }, mongo: null }), seen('mongo', 'Ada', 110, 113)]
    expect(crossings(log)).toMatchObject([{ from: 'mysql', state: 'arrived', ms: 13, value: 'Ada' }])
  })

  it('does so whichever of acknowledgement and arrival came first, and whichever side was looked at first', () => {
    const log = [seen('mysql', 'Ada', 105, 125), seen('mongo', 'Ada', 90, 126), edit({ mysql: null, mongo: { at: 100, value: 'Ada' } })]
    expect(crossings(log)).toMatchObject([{ from: 'mongo', state: 'arrived', ms: 25 }])
  })

  it('tells the direction of an edit made elsewhere where the looks allow it', () => {
    expect(crossings([seen('mongo', 'Ada', 10, 30), seen('mysql', 'Ada', 31, 50)])).toMatchObject([{ from: 'mongo', ms: 20 }])
  })

  it('claims no direction where both sides changed between the same looks', () => {
    expect(crossings([seen('mongo', 'Ada', 10, 30), seen('mysql', 'Ada', 12, 32)])).toMatchObject([
      { from: null, ms: 22, state: 'arrived' },
    ])
  })

  it('keeps a value under way until the other side shows it', () => {
    expect(crossings([seen('mysql', 'Ada', 0, 10)])).toMatchObject([{ from: 'mysql', state: 'under way', ms: null }])
  })

  it('shows of two edits at once the one that crossed and the one that was overtaken', () => {
    const log = [
      seen('mysql', 'Ada', 90, 105),
      seen('mongo', 'Grace', 90, 106),
      edit({ mysql: { at: 100, value: 'Ada' }, mongo: { at: 101, value: 'Grace' } }),
      seen('mysql', 'Grace', 150, 160),
    ]
    expect(crossings(log)).toMatchObject([
      { value: 'Grace', from: 'mongo', state: 'arrived', ms: 59 },
      { value: 'Ada', from: 'mysql', state: 'overtaken' },
    ])
  })

  it('takes the value of a write that changed nothing for nobody else’s', () => {
    const log = [
      seen('mongo', false, 90, 106),
      edit({ mysql: { at: 100, value: true }, mongo: { at: 101, value: false } }),
      seen('mysql', false, 106, 110),
    ]
    expect(crossings(log)).toMatchObject([{ value: false, from: 'mongo', state: 'arrived', ms: 9 }])
  })

  it('follows a value that comes again as a journey of its own', () => {
    const log = [
      ...[seen('mysql', 'a', 0, 1), seen('mongo', 'a', 2, 3)],
      ...[seen('mysql', 'b', 10, 11), seen('mongo', 'b', 12, 13)],
      ...[seen('mysql', 'a', 20, 21), seen('mongo', 'a', 22, 24)],
    ]
    expect(crossings(log).map(({ value, ms }) => [value, ms])).toEqual([
      ['a', 3],
      ['b', 2],
      ['a', 2],
    ])
  })

  it('says of what was under way while the connection was away that it was not followed', () => {
    expect(crossings([seen('mysql', 'Ada', 0, 10), { kind: 'gap' }])).toMatchObject([{ state: 'unknown' }])
  })

  it('tells fields apart', () => {
    const log = [seen('mysql', 'x', 0, 1, 'name'), seen('mongo', 'x', 2, 3, 'address')]
    expect(crossings(log).map(({ state }) => state)).toEqual(['under way', 'under way'])
  })
})

describe('observations', () => {
  it('takes an event of the server apart', () => {
    const changes = [{ table: 'analytics_customeraccount', key: [...KEY, 0], column: 'account_id', value: 7 }]
    expect(observations({ side: 'mongo', since: 1, at: 2, changes, differing: [] })).toEqual([
      { kind: 'observation', side: 'mongo', since: 1, at: 2, ...changes[0] },
    ])
  })
})
