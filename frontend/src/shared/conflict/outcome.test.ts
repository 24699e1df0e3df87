import { describe, expect, it } from 'vitest'
import type { ConflictDetail, DecidedField } from '@/shared/api/generated/types.gen'
import { decidedPlaces, repairedFrom, shownAt } from './outcome'

describe('a value of a place', () => {
  it('is said in words where it is the presence of a row', () => {
    expect([true, false, null].map((value) => shownAt('', value))).toEqual(['there', 'not there', 'not there'])
  })

  it('says what stood there that no rows express', () => {
    expect(shownAt('', '{"name": 5}')).toBe('could not be read as rows: {"name": 5}')
  })

  it('stands for itself where it is a column’s or a list', () => {
    expect([shownAt('active', true), shownAt('active', null), shownAt('', [7])]).toEqual(['true', 'absent', '[7]'])
  })
})

describe('a repair', () => {
  it.each([
    [{ repaired_from: 'mysql' }, 'mysql'],
    [{ by: 'policy', policy: 'mysql_wins' }, null],
    [null, null],
  ])('is told from a rule: %o', (resolution, from) => {
    expect(repairedFrom({ resolution })).toBe(from)
  })
})

describe('a field of which both changes count', () => {
  const field: DecidedField = {
    table: 'account', key: ['a'], column: 'limit', base: 1, mysql: 2, mongo: 11, mysql_time: 5, mongo_time: 6,
    winner: null, own: 12, policy: 'delta', doubtful: false,
  }

  it('has no winner and no loser', () => {
    const [place] = decidedPlaces({ fields: [field], losers: [] } as unknown as ConflictDetail)
    expect(place?.versions.map(({ fate }) => fate)).toEqual(['both', 'both'])
  })

  it('is told from one that is left to a person, and from a person’s own value', () => {
    const fates = [{ ...field, own: undefined, policy: 'manual' }, { ...field, policy: 'a person' }].map((one) => {
      const { own, ...rest } = one
      const shown = own === undefined ? rest : one
      return decidedPlaces({ fields: [shown], losers: [] } as unknown as ConflictDetail)[0]?.versions[0].fate
    })
    expect(fates).toEqual(['in question', 'gave way'])
  })
})
