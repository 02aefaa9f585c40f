import './workers.ts';
import '@fontsource-variable/geist';
import '@fontsource-variable/geist-mono';
import 'graphiql/style.css';
import '../tokens.css';
import './graphiql.css';
import { createRoot } from 'react-dom/client';
import { Explorer } from './Explorer.tsx';

const target = document.getElementById('app');
if (target) createRoot(target).render(<Explorer />);
