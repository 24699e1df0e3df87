import { defineConfig } from '@hey-api/openapi-ts'

// `make setup` writes the schema from the backend first; what is generated is not kept in the repository.
export default defineConfig({
  input: './generated/schema.json',
  output: { path: 'src/shared/api/generated', postProcess: [] },
  logs: { level: 'warn', file: false },
  plugins: [
    { name: '@hey-api/client-fetch', runtimeConfigPath: '../config' },
    '@hey-api/typescript',
    '@hey-api/sdk',
    '@tanstack/react-query',
  ],
})
