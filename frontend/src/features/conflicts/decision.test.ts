import { describe, expect, it } from 'vitest'
import type { Unit } from '@/shared/api/generated/types.gen'
import { placeId } from '@/shared/format/places'
import { decisionOf, kindOf, ownValue, sameUnits } from './decision'

const NAME: Unit = { table: 'analytics_customer', key: ['x'], column: 'name', mysql: 'Ann', mongo: 'Anna' }
const LIMIT: Unit = { table: 'analytics_account', key: ['x'], column: 'limit', mysql: 1, mongo: 2 }
const LIST: Unit = { table: 'analytics_accountproduct', key: ['x'], column: '', mysql: [], mongo: [{ table: 't', key: ['x', 0], row: {} }] }

describe('a decision', () => {
  it('is bound to the values that are shown, and leaves open what was not chosen', () => {
    const choices = { [placeId(NAME)]: { take: 'mongo', own: '' }, [placeId(LIST)]: { take: 'mysql', own: '' } } as const
    expect(decisionOf([NAME, LIMIT, LIST], choices)).toEqual({
      fields: [
        { ...NAME, take: 'mongo' },
        { ...LIST, take: 'mysql' },
      ],
      wrong: {},
    })
  })

  it('takes a value of one’s own in the kind of what stands there', () => {
    const choices = { [placeId(LIMIT)]: { take: 'value', own: ' 7 ' }, [placeId(NAME)]: { take: 'value', own: ' 7 ' } } as const
    expect(decisionOf([NAME, LIMIT], choices).fields.map(({ value }) => value)).toEqual([' 7 ', 7])
  })

  it('says what is wrong with a typed value, and does not send it', () => {
    const { fields, wrong } = decisionOf([LIMIT], { [placeId(LIMIT)]: { take: 'value', own: 'many' } })
    expect([fields, wrong[placeId(LIMIT)]]).toEqual([[], 'A number is needed, for example 12 or -1.5.'])
  })
})

describe('a value of one’s own', () => {
  it.each([
    ['number', '-12', -12],
    ['number', '1.5', 1.5],
    ['number', '9223372036854775807', { $int: '9223372036854775807' }],
    ['number', '1e3', undefined],
    ['decimal', '12.50', { $decimal: '12.50' }],
    ['decimal', 'a lot', undefined],
    ['flag', 'true', true],
    ['flag', '', undefined],
    ['date', '2020-01-31', { $date: '2020-01-31T00:00:00.000' }],
    ['date', '2020-01-31T12:30:00.250Z', { $date: '2020-01-31T12:30:00.250' }],
    ['date', '2020-13-31', undefined],
    ['date', 'tomorrow', undefined],
  ] as const)('%s %s is %j', (kind, typed, value) => {
    expect(ownValue(kind, typed)).toEqual(value)
  })

  it('is for columns alone, by the value that one side has', () => {
    expect([NAME, LIMIT, LIST, { ...NAME, mysql: null, mongo: false }, { ...NAME, mysql: null, mongo: null }].map(kindOf)).toEqual([
      'text',
      'number',
      null,
      'flag',
      null,
    ])
  })
})

describe('what is shown', () => {
  it('is other once a value has changed', () => {
    expect(sameUnits([NAME], [{ ...NAME }])).toBe(true)
    expect(sameUnits([NAME], [{ ...NAME, mongo: 'Hannah' }])).toBe(false)
  })
})
