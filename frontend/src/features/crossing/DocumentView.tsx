import type { ReactNode } from 'react'
import { isTyped, shownValue } from '@/shared/format/value'
import { MarkTag } from './MarkTag'
import { markClass } from './RowsView'
import type { Mark } from './recent'

interface Props {
  document: Readonly<Record<string, unknown>>
  marks: ReadonlyMap<string, Mark>
}

/** The customer in MongoDB: the document as its shell writes it, field by field. */
export function DocumentView({ document, marks }: Props) {
  return (
    <div className="side-content document" role="group" aria-label="Document">
      <div>{'{'}</div>
      {Object.entries(document).map(([name, value]) => {
        const mark = marks.get(name)
        return (
          <div key={name} className={`field ${markClass(mark) ?? ''}`} data-field={name}>
            <span className="field-name">{name}</span>: {written(value)},{' '}
            <MarkTag mark={mark} side="mongo" />
          </div>
        )
      })}
      <div>{'}'}</div>
    </div>
  )
}

function written(value: unknown): ReactNode {
  if (isTyped(value, '$date') || isTyped(value, '$oid') || typeof value !== 'object' || value === null) {
    return <span className="value breakable">{shownValue(value)}</span>
  }
  if (Array.isArray(value)) return nested('[', value.map((one) => written(one)), ']')
  const entries = Object.entries(value).map(([name, one]) => (
    <>
      <span className="field-name">{name}</span>: {written(one)}
    </>
  ))
  return nested('{', entries, '}')
}

function nested(open: string, parts: ReactNode[], close: string): ReactNode {
  if (parts.length === 0) return `${open}${close}`
  return (
    <>
      {open}
      {parts.map((part, place) => (
        <div className="nested" key={place}>
          {part}
          {place < parts.length - 1 ? ',' : ''}
        </div>
      ))}
      {close}
    </>
  )
}
