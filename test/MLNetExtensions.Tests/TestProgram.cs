using Microsoft.Testing.Platform.Builder;
using MLNetExtensions.Tests.Faults;

namespace MLNetExtensions.Tests;

/// <summary>The tests as a program; for the faults that end a process, also the process that is ended.</summary>
internal static class TestProgram
{
    private static async Task<int> Main(string[] args)
    {
        if (args is [FaultProcess.Argument, .. var rest])
        {
            return FaultProcess.Serve(rest);
        }
        var builder = await TestApplication.CreateBuilderAsync(args);
        SelfRegisteredExtensions.AddSelfRegisteredExtensions(builder, args);
        using var application = await builder.BuildAsync();
        return await application.RunAsync();
    }
}
