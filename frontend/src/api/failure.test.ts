import { expect, it } from 'vitest';
import { failureOf } from './failure.ts';

it('knows what is wrong with which field', () => {
  const failure = failureOf([
    {
      message: 'the threshold must be finite; a name is taken',
      extensions: {
        code: 'INVALID',
        fields: [
          { field: 'condition.threshold', message: 'the threshold must be finite' },
          { field: 'name', message: 'there is a rule of that name' },
        ],
      },
    },
  ]);
  expect(failure.code).toBe('INVALID');
  expect(failure.fields).toEqual({
    'condition.threshold': 'the threshold must be finite',
    name: 'there is a rule of that name',
  });
});

it('asks to quote the id of what nobody expected', () => {
  const failure = failureOf([{ message: 'Something broke', extensions: { code: 'INTERNAL', id: 'abc' } }]);
  expect(failure.message).toBe('Something broke (abc)');
  expect(failure.fields).toEqual({});
});
