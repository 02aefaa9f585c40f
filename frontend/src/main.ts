import '@fontsource-variable/geist';
import '@fontsource-variable/geist-mono';
import './tokens.css';
import './styles/index.css';
import './touch.css';
import { mount } from 'svelte';
import App from './App.svelte';

const target = document.getElementById('app');
if (target) mount(App, { target });
