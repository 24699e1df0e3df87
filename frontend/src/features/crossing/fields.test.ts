import { describe, expect, it } from 'vitest'
import { FIELDS, FLAG_WORDS, suggestions, takesLines } from './fields'

const NOW = new Date('2026-01-02T03:04:05Z')

describe('suggestions', () => {
  it.each(FLAG_WORDS.flatMap((mysql) => FLAG_WORDS.map((mongo) => ({ mysql, mongo }))))('of a flag change both sides: %o', (standing) => {
    const found = suggestions('active', standing, NOW)
    expect(found.mysql).not.toBe(standing.mysql)
    expect(found.mongo).not.toBe(standing.mongo)
    expect(found.mysql).not.toBe(found.mongo)
  })

  it.each(FIELDS)('of %s are new also where the last ones stand already', (field) => {
    const standing = suggestions(field, { mysql: '', mongo: '' }, NOW)
    const found = suggestions(field, standing, NOW)
    expect(found.mysql).not.toBe(standing.mysql)
    expect(found.mongo).not.toBe(standing.mongo)
  })
})

describe('a field of several lines', () => {
  it('is the address, and whatever holds a line break', () => {
    expect(takesLines('address', '')).toBe(true)
    expect(takesLines('name', 'a\nb')).toBe(true)
    expect(takesLines('name', 'a b')).toBe(false)
  })
})
