import { Alert, Text } from '@mantine/core'
import { useEffect, useRef } from 'react'
import type { RulingAnswer } from '@/shared/api/generated/types.gen'
import { placeName } from '@/shared/format/places'
import { SIDES } from '@/shared/format/sides'
import { UnitValue } from './UnitValue'

const WORDS: Record<RulingAnswer['state'], { title: string; color: string }> = {
  requested: { title: 'Asked for: the follower has not read it yet', color: 'blue' },
  pending: { title: 'Being carried out', color: 'blue' },
  done: { title: 'Carried out: both sides hold it', color: 'teal' },
  refused: { title: 'Refused', color: 'red' },
}

/** What became of the decision; of one that was refused, what stands there instead. */
export function RulingNotice({ ruling }: { ruling: RulingAnswer | undefined }) {
  const words = ruling && WORDS[ruling.state]
  const here = useRef<HTMLDivElement>(null)
  const request = ruling?.request
  // The button that was pressed is gone; who works by keyboard goes on here.
  useEffect(() => {
    if (request !== undefined) here.current?.focus()
  }, [request])
  return (
    <div role="status" ref={here} tabIndex={-1}>
      {words ? (
        <Alert title={words.title} color={words.color} variant="outline" mb="sm" role="presentation">
          {ruling.message ? <Text>{ruling.message}</Text> : null}
          {ruling.changed.map((unit) => (
            <Text key={placeName(unit)} className="breakable">
              {placeName(unit)}:{' '}
              {(['mysql', 'mongo'] as const).map((side) => (
                <span key={side}>
                  {SIDES[side]} <UnitValue unit={unit} side={side} />{' '}
                </span>
              ))}
            </Text>
          ))}
        </Alert>
      ) : null}
    </div>
  )
}
