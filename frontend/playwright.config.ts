import { defineConfig } from '@playwright/test'

// A running product at LOCKSTEP_ADDRESS, as tests/e2e/test_browser.py starts it.
const alone = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  workers: 1,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: 'line',
  use: {
    baseURL: process.env.LOCKSTEP_ADDRESS ?? 'http://127.0.0.1:8000',
    locale: 'en-GB',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: process.env.LOCKSTEP_CHROMIUM ?? '/usr/bin/chromium', args: alone },
  },
  projects: [
    { name: 'logins', testMatch: 'logins.ts', use: { viewport: { width: 1440, height: 900 } } },
    { name: 'desktop', dependencies: ['logins'], use: { viewport: { width: 1440, height: 900 } } },
    { name: 'phone', dependencies: ['logins'], use: { viewport: { width: 375, height: 740 }, hasTouch: true } },
  ],
})
