import { randomUUID } from 'node:crypto'
import { expect, test } from '@playwright/test'
import { looksRight } from './looks'
import { heading, logIn, session } from './people'

test('sign up with another role, be refused meanwhile, be granted it, log in with it', async ({ page, browser }) => {
  const email = `new-${randomUUID().slice(0, 8)}@example.com`
  const secret = `long-${randomUUID()}`
  await page.goto('/app/signup')
  await page.getByLabel('E-mail').fill(email)
  await page.getByRole('textbox', { name: 'Password' }).fill('1234')
  await page.getByLabel('Role').selectOption('Technical worker')
  await page.getByRole('button', { name: 'Sign up' }).click()
  await expect(page.getByText(/too short/i).first()).toBeVisible()
  await looksRight(page)
  await page.getByRole('textbox', { name: 'Password' }).fill(secret)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await heading(page, 'Your documents')
  await expect(page.getByText('another role is asked for')).toBeVisible()
  await expect(page.getByText('Your e-mail address is not verified')).toBeVisible()

  await page.goto('/app/status')
  await heading(page, 'Not for your role')
  await looksRight(page)

  const manager = await browser.newContext({ storageState: session('management') })
  const office = await manager.newPage()
  await office.goto('/app/')
  await office.getByRole('button', { name: `Grant ${email}` }).click()
  await expect(office.getByText(`${email}: granted`)).toBeVisible()
  await manager.close()

  await page.getByRole('button', { name: 'Log out' }).click()
  await heading(page, 'Log in')
  await logIn(page, email, secret)
  await heading(page, 'Status')
})

test('a wrong password is told, and nobody is logged in', async ({ page }) => {
  await page.goto('/app/login')
  await logIn(page, 'technical@example.com', 'not-the-password')
  await expect(page.getByRole('alert')).toContainText(/not correct/i)
})

test('a page that one came for opens after the log-in', async ({ page }) => {
  await page.goto('/app/conflicts?show=held')
  await heading(page, 'Log in')
  await logIn(page, 'technical@example.com')
  await heading(page, 'Conflicts')
  await expect(page).toHaveURL(/\/app\/conflicts\?show=held$/)
})
