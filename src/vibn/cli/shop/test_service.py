import json
import threading
import unittest
from http.server import ThreadingHTTPServer
from urllib.request import urlopen

from service import Handler, total


class Totals(unittest.TestCase):
    def test_prices_are_added(self):
        self.assertEqual(total([3, 4.5]), 7.5)

    def test_a_discount_is_in_percent(self):
        self.assertEqual(total([100, 100], discount=10), 180)


class OverHttp(unittest.TestCase):
    def test_the_service_answers_json(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/total?prices=3,4"
        with urlopen(url, timeout=5) as answer:
            self.assertEqual(json.load(answer), {"total": 7.0})
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    unittest.main()
