'use strict';
// A Vendure server with its database in memory, on a free port of loopback, with what a shop
// needs before it has goods: a zone, a tax, a way to ship and a way to pay. Nobody gets mail.
const {
    bootstrap, dummyPaymentHandler, DefaultLogger, LanguageCode, LogLevel, Populator,
} = require('@vendure/core');

const config = {
    apiOptions: { port: 0, hostname: '127.0.0.1', cors: false },
    authOptions: {
        tokenMethod: ['bearer', 'api-key'],
        superadminCredentials: {
            identifier: process.env.SHOP_USER, password: process.env.SHOP_PASSWORD,
        },
    },
    dbConnectionOptions: { type: 'sqljs', synchronize: true, logging: false },
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    logger: new DefaultLogger({ level: LogLevel.Warn }),
};

const settle = [{ name: 'automaticSettle', value: 'true' }];
const beginning = {
    defaultLanguage: LanguageCode.en,
    defaultZone: 'Europe',
    countries: [
        { name: 'Germany', code: 'DE', zone: 'Europe' },
        { name: 'France', code: 'FR', zone: 'Europe' },
    ],
    taxRates: [{ name: 'Standard Tax', percentage: 19 }],
    shippingMethods: [{ name: 'Standard Shipping', price: 490, taxRate: 19 }],
    paymentMethods: [
        { name: 'Card', handler: { code: dummyPaymentHandler.code, arguments: settle } },
    ],
    collections: [],
};

bootstrap(config)
    .then(async app => {
        await app.get(Populator).populateInitialData(beginning);
        process.stdout.write(`ready ${await app.getUrl()}\n`);
    })
    .catch(error => {
        console.error(error);
        process.exit(1);
    });
