// graphql-codegen's configuration: the client preset, and the manifest of trusted documents it writes beside it.
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: 'operations.graphql',
  generates: {
    './generated/': {
      preset: 'client',
      presetConfig: { persistedDocuments: { hashAlgorithm: 'sha256' }, fragmentMasking: false },
      config: { useTypeImports: true, scalars: { DateTime: 'string' }, emitLegacyCommonJSImports: false, importExtension: '.js' },
    },
  },
};
export default config;
