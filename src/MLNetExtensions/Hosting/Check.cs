using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Exceptions as ML.NET makes them: of its types, marked as deliberate, stamped with the component that throws.</summary>
internal static class Check
{
    /// <summary>The environment of a catalog.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    internal static IHostEnvironment Environment(IInternalCatalog? catalog)
    {
        Seam.Check();
        Contracts.CheckValue(catalog, nameof(catalog));
        return catalog!.Environment;
    }

    /// <exception cref="ArgumentNullException"><paramref name="value"/> is null.</exception>
    internal static void NotNull<T>(IExceptionContext context, [NotNull] T? value, [CallerArgumentExpression(nameof(value))] string? name = null)
        where T : class
    {
        if (value is null)
        {
            throw context.Process(new ArgumentNullException(name));
        }
    }

    /// <summary>Checks a value that the user set.</summary>
    /// <param name="context">Who checks.</param>
    /// <param name="holds">What must hold.</param>
    /// <param name="value">The value; the exception names the expression that was given here.</param>
    /// <param name="must">What must hold, in words: "Must be positive".</param>
    /// <param name="name">The expression of <paramref name="value"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="holds"/> is false.</exception>
    internal static void Option<T>(IExceptionContext context, bool holds, T value, string must, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!holds)
        {
            throw context.Process(new ArgumentOutOfRangeException(name, value, must));
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">The name is null or empty.</exception>
    internal static void ColumnName(IExceptionContext context, [NotNull] string? value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (string.IsNullOrEmpty(value))
        {
            throw context.Process(new ArgumentOutOfRangeException(name, "A column name cannot be null or empty"));
        }
    }

    /// <summary>An exception for a column that is not what is needed.</summary>
    internal static Exception SchemaMismatch(IExceptionContext context, string role, string name, string expected, string? actual)
        => context.ExceptSchemaMismatch("inputSchema", role, name, expected, actual);

    /// <exception cref="OperationCanceledException">The host was told to stop.</exception>
    internal static void Alive(IHost host) => host.CheckAlive();

    /// <summary>An exception, marked as deliberate, of somebody without a context.</summary>
    internal static TException Marked<TException>(TException exception)
        where TException : Exception
        => exception.Process(null);

    /// <summary>An exception for data that proves unusable while it is read.</summary>
    internal static Exception BadData(IExceptionContext? context, string message) => new InvalidOperationException(message).Process(context);
}
