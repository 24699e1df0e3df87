import { describe, expect, it } from 'vitest'
import { fromAddress, toAddress, toQuery, type Filters } from './filters'

const PLAIN: Filters = { show: 'people', kind: '', collection: '', age: 'any', page: 1 }

describe('filters in the address', () => {
  it.each<Filters>([
    PLAIN,
    { ...PLAIN, show: 'waiting', page: 3 },
    { show: 'held', kind: 'update_differs', collection: 'customers', age: 'over-hour', page: 2 },
    { ...PLAIN, collection: 'a&b=c d' },
  ])('come back as they went', (filters) => {
    expect(fromAddress(new URLSearchParams(toAddress(filters).toString()))).toEqual(filters)
  })

  it('leave the address empty where nothing was chosen', () => {
    expect(toAddress(PLAIN).toString()).toBe('')
  })

  it.each(['show=lost', 'age=old', 'page=-1', 'page=x', 'page=1.5', 'show=toString', 'kind=bogus', 'nonsense'])('survive %s', (text) => {
    expect(fromAddress(new URLSearchParams(text))).toEqual(PLAIN)
  })
})

describe('the question to the API', () => {
  it('leaves converged ones out unless they are asked for', () => {
    expect(toQuery(PLAIN)).toEqual({ status: ['open', 'waiting', 'settled'], page: 1, page_size: 20 })
    expect(toQuery({ ...PLAIN, show: 'all' })).toEqual({ page: 1, page_size: 20 })
  })

  it('says what was chosen', () => {
    expect(toQuery({ show: 'open', kind: 'echo_differs', collection: 'c', age: 'over-day', page: 2 })).toEqual({
      status: ['open'],
      kind: 'echo_differs',
      collection: 'c',
      older_than: 86_400,
      page: 2,
      page_size: 20,
    })
  })
})
