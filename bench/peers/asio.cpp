/** Echo over Boost.Asio, a thread for each connection: asio HOST PORT. */
#include <boost/asio.hpp>
#include <cstdio>
#include <thread>

using boost::asio::ip::tcp;

static const int buffer_size = 16 * 1024;

static void echo(tcp::socket connection)
{
	boost::system::error_code error;
	char data[buffer_size];

	connection.set_option(tcp::no_delay(true), error);
	for (;;) {
		std::size_t n = connection.read_some(boost::asio::buffer(data), error);
		if (error)
			return;
		boost::asio::write(connection, boost::asio::buffer(data, n), error);
		if (error)
			return;
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	boost::asio::io_context context;
	tcp::endpoint at(boost::asio::ip::make_address(argv[1]),
		static_cast<unsigned short>(std::atoi(argv[2])));
	tcp::acceptor acceptor(context);
	acceptor.open(at.protocol());
	acceptor.set_option(tcp::acceptor::reuse_address(true));
	acceptor.bind(at);
	acceptor.listen(4096);
	std::puts("listening");
	std::fflush(stdout);
	for (;;)
		std::thread(echo, acceptor.accept()).detach();
}
