using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Messages to the log of the context. ML.NET's own extensions, which these call, are internal.</summary>
internal static class ChannelExtensions
{
    internal static void Info(this IChannel channel, string message) => HostExtensions.Info(channel, message);

    internal static void Warning(this IChannel channel, string message) => HostExtensions.Warning(channel, message);
}
