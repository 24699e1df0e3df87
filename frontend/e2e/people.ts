import { readFileSync } from 'node:fs'
import { expect, type Page } from '@playwright/test'

export const PEOPLE = {
  customer: { email: 'customer@example.com', home: 'Your documents' },
  technical: { email: 'technical@example.com', home: 'Status' },
  management: { email: 'management@example.com', home: 'Overview' },
} as const

export type Person = keyof typeof PEOPLE

/** Where a person's session is kept for tests that are about something else. */
export function session(person: Person): string {
  return `${process.env.LOCKSTEP_SESSIONS ?? 'test-results'}/${person}.json`
}

export function password(): string {
  const file = process.env.LOCKSTEP_DEMO_PASSWORD_FILE
  if (!file) throw new Error('LOCKSTEP_DEMO_PASSWORD_FILE names the file with the demo logins’ password')
  return readFileSync(file, 'utf8').trim()
}

export async function logIn(page: Page, email: string, secret = password()): Promise<void> {
  await page.getByLabel('E-mail').fill(email)
  await page.getByRole('textbox', { name: 'Password' }).fill(secret)
  await page.getByRole('button', { name: 'Log in' }).click()
}

export async function heading(page: Page, name: string | RegExp): Promise<void> {
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
}
