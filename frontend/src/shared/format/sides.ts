import type { Side } from '@/shared/api/generated/types.gen'

export const SIDES: Record<Side, string> = { mysql: 'MySQL', mongo: 'MongoDB' }

export function otherSide(side: Side): Side {
  return side === 'mysql' ? 'mongo' : 'mysql'
}

export function isSide(text: string): text is Side {
  return text in SIDES
}
