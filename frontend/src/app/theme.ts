import { createTheme, type CSSVariablesResolver } from '@mantine/core'

export const theme = createTheme({
  primaryColor: 'brand',
  // White on it is easy to read, in light and dark.
  primaryShade: 7,
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
  dark: {
    '--mantine-color-body': '#182220',
    '--mantine-color-default': '#101716',
    '--mantine-color-default-hover': '#22302d',
    '--mantine-color-default-border': '#3b4b47',
    '--mantine-color-text': '#e8efed',
    '--mantine-color-dimmed': '#b3bfbc', '--mantine-color-placeholder': '#a5b4b0', '--mantine-color-error': '#ff9a90' },
})
