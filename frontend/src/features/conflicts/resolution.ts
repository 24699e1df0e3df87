import type { ConflictDetail } from '@/shared/api/generated/types.gen'
import { POLICIES } from '@/shared/conflict/words'
import { isSide, SIDES } from '@/shared/format/sides'

export function isClosed(conflict: ConflictDetail): boolean {
  return conflict.state === 'settled' || conflict.state === 'converged'
}

/** Who or what closed it, in words. */
export function resolution(conflict: ConflictDetail): string {
  if (!isClosed(conflict)) return 'not closed yet'
  const told = conflict.resolution
  if (typeof told !== 'object' || told === null) return 'its sides had become equal'
  const { policy, repaired_from: from } = told as Record<string, unknown>
  if (typeof from === 'string' && isSide(from)) return `a repair from ${SIDES[from]}`
  if (typeof policy === 'string') return `the rule: ${POLICIES[policy] ?? policy}`
  return JSON.stringify(told)
}
