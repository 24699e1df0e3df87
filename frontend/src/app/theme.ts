import { createTheme, type CSSVariablesResolver } from '@mantine/core'

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: { light: 7, dark: 3 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  fontFamily: 'system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: { fontWeight: '650' },
  colors: {
    brand: ['#e6f6f3', '#cdeae4', '#a0d8cd', '#58c7b3', '#3fae9a', '#27947f', '#127c69', '#0b6e5f', '#085a4d', '#05463b'],
  },
})

/** Mantine's soft text is too faint to read: 4.5 to 1 is what everybody can. */
export const readable: CSSVariablesResolver = () => ({
  variables: {},
  light: { '--mantine-color-dimmed': '#52605d', '--mantine-color-placeholder': '#5c6a67', '--mantine-color-error': '#b3261e' },
  dark: { '--mantine-color-dimmed': '#b3bfbc', '--mantine-color-placeholder': '#a5b4b0', '--mantine-color-error': '#ff9a90' },
})
