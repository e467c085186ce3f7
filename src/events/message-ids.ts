/**
 * What the journal knows each event by: `MESSAGE_ID`, made once at random as journald wants it, and never changed. An
 * event of an ID that is not here gets none.
 */
export const MESSAGE_IDS: Readonly<Record<number, string>> = {
  12309: 'd3e3b82d0e7e4b8e98d860df170072c2',
  12310: '8d74b688b3094a5eb282f0f5d1c886bf',
  1: 'd8bcf9b28d84454b86196966663c29a0',
  2: '1fccc841212e4120a5d60281bd141e5c',
  3: '014532302e6b4457af08b0728c6a59e7',
  4: '1657860128724a1f8ef4ec6a0f2fe203',
  5: '330ff1613a4a4f059b6783e2f5573116',
  6: '87b5d0499b9e4edf90eef04b515d57d5',
  7: '1e3ac9c28c2f4b8daf9d2f2cddea57d3',
  8: 'b82b4ef57a394005b3b98fefe9808590',
  9: '8c50421ebb4f401da33df4979f29f2c6',
  10: 'd20e0b0674c8e3193ea2e81c91a0bd6b',
  11: 'ecb7bba44f973805a21f9a2080c64418',
  12: '308b24f933794e4aec23971b451205c7',
  13: '19d9662e6053c1e6f0fd450d1c007322',
  14: 'e6b3944149bfb31a7b6f2d889e5a09be',
};
