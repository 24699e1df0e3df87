import { test } from '@playwright/test'
import { looksRight } from './looks'
import { heading, logIn, PEOPLE, session, type Person } from './people'

for (const person of Object.keys(PEOPLE) as Person[]) {
  test(`${person}: log in, and begin where one's work is`, async ({ page }) => {
    await page.goto('/app/')
    await heading(page, 'Log in')
    await looksRight(page)
    await logIn(page, PEOPLE[person].email)
    await heading(page, PEOPLE[person].home)
    await page.context().storageState({ path: session(person) })
  })
}
