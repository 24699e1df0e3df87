import { expect, test, type Page } from '@playwright/test'
import { looksRight } from './looks'
import { heading, session } from './people'

test.use({ storageState: session('technical') })

/** A customer of one's own for each test, so that none meets another's edits. */
async function open(page: Page, place: number): Promise<void> {
  await page.goto('/app/crossing')
  await page.getByRole('list', { name: 'Customers' }).getByRole('link').nth(place).click()
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  await expect(page.getByText('Both sides equal')).toBeVisible()
}

const journeys = (page: Page) => page.getByRole('region', { name: 'What crossed' }).getByRole('listitem')

test('an edit in MySQL arrives in MongoDB, with its crossing time', async ({ page }, info) => {
  await open(page, 2)
  const name = `From MySQL ${info.project.name} ${Date.now()}`
  const form = page.getByRole('form', { name: 'Edit in MySQL' })
  await form.getByLabel('New value in MySQL').fill(name)
  await form.getByRole('button', { name: 'Write to MySQL' }).click()
  const field = page.getByRole('group', { name: 'Document' }).locator('[data-field="name"]')
  await expect(field).toContainText(name)
  await expect(field).toContainText(/from MySQL in \d+(\.\d)? m?s/)
  await expect(journeys(page).first()).toContainText(/MySQL\s*\d+(\.\d)? m?s\s*MongoDB/)
  await heading(page, `Crossing: ${name}`)
  await looksRight(page)
})

test('an edit in MongoDB arrives in MySQL, with its crossing time', async ({ page }, info) => {
  await open(page, 3)
  const address = `From MongoDB ${info.project.name} ${Date.now()}`
  const form = page.getByRole('form', { name: 'Edit in MongoDB' })
  await form.getByLabel('Field').selectOption('address')
  await form.getByLabel('New value in MongoDB').fill(address)
  await form.getByRole('button', { name: 'Write to MongoDB' }).click()
  const row = page.getByRole('region', { name: 'Table analytics_customer', exact: true }).getByRole('row', { name: /^address/ })
  await expect(row).toContainText(address)
  await expect(row).toContainText(/from MongoDB in \d+(\.\d)? m?s/)
  await expect(page.getByText('Both sides equal')).toBeVisible()
})

test('what a field cannot hold is refused beside it', async ({ page }) => {
  await open(page, 3)
  const form = page.getByRole('form', { name: 'Edit in MongoDB' })
  await form.getByLabel('Field').selectOption('birthdate')
  await form.getByLabel('New value in MongoDB').fill('yesterday')
  await form.getByRole('button', { name: 'Write to MongoDB' }).click()
  await expect(form.getByText(/wrong format/)).toBeVisible()
})

test('both sides at once: the conflict is shown, settled, with its winner and its loser', async ({ page }, info) => {
  await open(page, 4)
  const stamp = `${info.project.name} ${Date.now()}`
  const [here, there] = [`Ada ${stamp}`, `Grace ${stamp}`]
  const both = page.getByRole('region', { name: 'Edit both at once' })
  await both.getByLabel('Value for MySQL').fill(here)
  await both.getByLabel('Value for MongoDB').fill(there)
  await both.getByRole('button', { name: 'Edit both at once' }).click()

  const conflict = page.getByRole('region', { name: /conflict/i })
  const winner = conflict.locator('[data-fate="winner"]')
  await expect(winner).toContainText(stamp)
  await expect(conflict).toContainText('Settled')
  const loser = conflict.locator('[data-fate="loser"]')
  await expect(winner).toHaveCount(1)
  await expect(loser).toHaveCount(1)
  const won = (await winner.innerText()).includes(here) ? here : there
  await expect(loser).toContainText(won === here ? there : here)
  await expect(page.getByText('Both sides equal')).toBeVisible()
  await heading(page, `Crossing: ${won}`)
  const field = page.getByRole('group', { name: 'Document' }).locator('[data-field="name"]')
  await expect(field).toContainText(won)
  await expect(field).toContainText(won === here ? /from MySQL in/ : /written/)
  await looksRight(page)

  await conflict.getByRole('link', { name: /Everything about/ }).click()
  await heading(page, /^Conflict \d+$/)
  await expect(page.locator('[data-fate="winner"]')).toContainText(won)
  await expect(page.getByText('the rule: the last write wins')).toBeVisible()
  await looksRight(page)

  const detail = page.url()
  await page.getByRole('link', { name: 'All conflicts' }).click()
  const list = page.getByRole('list', { name: 'Conflicts' })
  await expect(list.locator(`a[href="${new URL(detail).pathname}"]`)).toBeVisible()
  await looksRight(page)
  await page.getByLabel('State').selectOption('Held now (open, waiting)')
  await expect(page).toHaveURL(/show=held/)
  await expect(page.getByRole('heading', { name: 'No conflict' })).toBeVisible()
  await page.goBack()
  await expect(list).toBeVisible()
})
