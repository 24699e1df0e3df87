import { execFileSync } from 'node:child_process'
import { expect, test, type Page } from '@playwright/test'
import { looksRight } from './looks'
import { heading, session } from './people'

test.use({ storageState: session('technical') })

/** Gives a customer's document in MongoDB a name that MySQL cannot hold: it waits, and is decided by a person. */
function hold(customer: string, name: string): void {
  const [program = '', ...words] = (process.env.LOCKSTEP_MONGO_EDIT ?? '').split(' ')
  execFileSync(program, [...words, customer, name], { cwd: process.env.LOCKSTEP_ROOT })
}

async function waiting(page: Page, place: number): Promise<{ name: string; long: string }> {
  await page.goto('/app/crossing')
  const link = page.getByRole('list', { name: 'Customers' }).getByRole('link').nth(place)
  const [name, address] = [await link.innerText(), await link.getAttribute('href')]
  const long = `${Date.now()} ${'long '.repeat(60)}`.trim()
  hold(address?.split('/').pop() ?? '', long)
  await page.goto('/app/conflicts?show=waiting')
  await page.getByRole('list', { name: 'Conflicts' }).getByRole('link').first().click()
  await heading(page, /^Conflict \d+$/)
  return { name, long }
}

test('a person decides a conflict that waits, by keyboard, and sees it carried out', async ({ page }) => {
  test.slow() // every page is looked at in light and dark
  const { long } = await waiting(page, 5)
  const decide = page.getByRole('form', { name: 'Decide the conflict' })
  await expect(decide.getByRole('radiogroup', { name: 'name' })).toContainText(long.slice(0, 40))
  await looksRight(page)

  await decide.getByRole('button', { name: 'Decide' }).click()
  await expect(decide.getByRole('alert')).toContainText('Choose at least one value')
  await decide.getByRole('radio', { name: /^MySQL/ }).focus()
  await page.keyboard.press('Space')
  await decide.getByLabel('Reason').fill('the name on the card')
  await decide.getByRole('button', { name: 'Decide' }).focus()
  await page.keyboard.press('Enter')
  const confirm = decide.getByRole('button', { name: 'Confirm the decision' })
  await expect(confirm).toBeFocused()
  await looksRight(page)
  await page.keyboard.press('Enter')

  await expect(page.getByRole('status').filter({ hasText: 'Carried out: both sides hold it' })).toBeVisible()
  await expect(page.getByText('Settled', { exact: true })).toBeVisible()
  const decisions = page.getByRole('region', { name: 'Decisions by people' })
  await expect(decisions).toContainText('technical@example.com')
  await expect(decisions).toContainText('the name on the card')
  await looksRight(page)
})

test('a decision by values that have changed meanwhile is refused, with those that stand there', async ({ page }) => {
  await waiting(page, 6)
  const decide = page.getByRole('form', { name: 'Decide the conflict' })
  await decide.getByRole('radio', { name: 'A value of your own' }).check()
  await decide.getByLabel('Your value for name').fill('Ada')
  await decide.getByLabel('Reason').fill('she said so')
  await page.route('**/api/v1/conflicts/*/resolve/', async (route) => {
    const body = route.request().postDataJSON() as { fields: { mongo: unknown }[] }
    await route.continue({ postData: { ...body, fields: body.fields.map((one) => ({ ...one, mongo: 'what stood there before' })) } })
  })
  await decide.getByRole('button', { name: 'Decide' }).click()
  await decide.getByRole('button', { name: 'Confirm the decision' }).click()
  const refused = page.getByRole('status').filter({ hasText: 'Refused' })
  await expect(refused).toContainText('other values stand there by now')
  await expect(refused).toContainText('MongoDB')
  await looksRight(page)

  await page.unroute('**/api/v1/conflicts/*/resolve/')
  await decide.getByRole('radio', { name: 'A value of your own' }).check()
  await decide.getByLabel('Your value for name').fill('Ada')
  await decide.getByLabel('Reason').fill('she said so')
  await decide.getByRole('button', { name: 'Decide' }).click()
  await decide.getByRole('button', { name: 'Confirm the decision' }).click()
  await expect(page.getByText('Settled', { exact: true })).toBeVisible()
})
