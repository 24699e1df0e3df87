import { expect, test } from '@playwright/test'
import { looksRight } from './looks'
import { heading, session } from './people'

test.describe('a customer', () => {
  test.use({ storageState: session('customer') })

  test('sees their own documents', async ({ page }) => {
    await page.goto('/app/')
    await heading(page, 'Your documents')
    await expect(page.getByText('customer@example.com').last()).toBeVisible()
    await expect(page.getByRole('heading', { name: 'Accounts' })).toBeVisible()
    await expect(page.getByRole('heading', { name: 'Transactions' })).toBeVisible()
    await page.locator('summary').first().click()
    await looksRight(page)
  })
})

test.describe('senior management', () => {
  test.use({ storageState: session('management') })

  test('sees the whole in numbers', async ({ page }) => {
    await page.goto('/app/')
    await heading(page, 'Overview')
    await expect(page.getByText('Both databases are kept equal')).toBeVisible()
    await expect(page.getByRole('list', { name: 'Numbers' })).toContainText(/[1-9]\d*customers/)
    await expect(page.getByRole('heading', { name: 'Role requests' })).toBeVisible()
    await looksRight(page)
  })

  test('watches a crossing and edits nothing', async ({ page }) => {
    await page.goto('/app/crossing')
    await page.getByRole('list', { name: 'Customers' }).getByRole('link').first().click()
    await expect(page.getByText('Live', { exact: true })).toBeVisible()
    await expect(page.getByText('Technical workers may edit here')).toBeVisible()
    await expect(page.getByRole('button', { name: /Write to/ })).toHaveCount(0)
  })
})

test.describe('a technical worker', () => {
  test.use({ storageState: session('technical') })

  test('sees both directions and what is held', async ({ page }) => {
    await page.goto('/app/status')
    for (const way of ['MySQL → MongoDB', 'MongoDB → MySQL']) {
      const card = page.getByRole('region', { name: way })
      await expect(card).toContainText('streaming')
      await expect(card).toContainText('Lag')
      await expect(card).toContainText('rows/s')
    }
    await expect(page.getByRole('region', { name: 'Conflicts' })).toContainText('Converged')
    await looksRight(page)
  })

  test('sees which collection is paused, and what helps', async ({ page }) => {
    await page.route('**/api/v1/sync/status/', async (route) => {
      const answer = await route.fetch()
      const told: Record<string, unknown> = (await answer.json()) as Record<string, unknown>
      const hint = 'lockstep doctor, then: lockstep resume --collection accounts'
      const paused = { name: 'accounts', state: 'paused', side: 'mysql', reason: 'ALTER TABLE', hint, since: '2026-01-31T12:00:00Z' }
      await route.fulfill({ response: answer, json: { ...told, collections: [paused] } })
    })
    await page.goto('/app/status')
    const section = page.getByRole('region', { name: 'Altered collections' })
    await expect(section).toContainText('paused')
    await expect(section).toContainText('lockstep resume --collection accounts')
    await looksRight(page)
  })

  test('finds a customer by its exact username', async ({ page }) => {
    await page.goto('/app/crossing')
    const list = page.getByRole('list', { name: 'Customers' })
    const username = await list.getByRole('listitem').nth(2).locator('span').first().innerText()
    await page.getByLabel('Username or e-mail, exactly').fill(username)
    await page.getByRole('button', { name: 'Find' }).click()
    await expect(page).toHaveURL(/find=/)
    await expect(list.getByText(username, { exact: true }).first()).toBeVisible()
    await looksRight(page)
    await page.goto('/app/crossing?find=nobody-has-this-name')
    await expect(page.getByRole('heading', { name: 'No customer' })).toBeVisible()
  })

  test('is told when the server fails, and what to do', async ({ page }) => {
    let failing = true
    await page.route('**/api/v1/conflicts/**', (route) =>
      failing ? route.fulfill({ status: 500, json: { detail: 'The server failed.' } }) : route.continue(),
    )
    await page.goto('/app/conflicts')
    const alert = page.getByRole('alert')
    await expect(alert).toContainText('stands in the log')
    await looksRight(page)
    failing = false
    await alert.getByRole('button', { name: 'Try again' }).click()
    await expect(alert).toHaveCount(0)
  })

  test('is sent to log in again when the session has ended', async ({ page }) => {
    await page.goto('/app/status')
    await heading(page, 'Status')
    await page.context().clearCookies()
    await expect(page.getByRole('alert').first()).toContainText('You are logged out')
    await page.getByRole('link', { name: 'Log in again' }).first().click()
    await heading(page, 'Log in')
  })

  test('moves by keyboard: skip link, links, focus in sight', async ({ page }) => {
    await page.goto('/app/status')
    await heading(page, 'Status')
    await page.keyboard.press('Tab')
    await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(page.locator('main')).toBeFocused()
  })

  test('finds out that there is no such page', async ({ page }) => {
    await page.goto('/app/nowhere/at/all')
    await heading(page, 'Not found')
  })
})
