using System.Collections;
using System.Globalization;
using System.Reflection;

namespace MLNetExtensions.Tests.Faults;

/// <summary>A change of one option.</summary>
/// <param name="Option">The number of the option, modulo those that there are.</param>
/// <param name="Value">The number of the value, modulo those that are tried.</param>
internal sealed record OptionChange(int Option, int Value)
{
    private static readonly int[] s_counts = [-1, 0, 1, 2, 3, int.MinValue];
    private static readonly int[] s_integers = [.. s_counts, 4, 5, 8, 16, 37];
    private static readonly double[] s_numbers = [-1, 0, -0.0, 1, 0.5, 0.1, 0.9, 2, 10, 1e-300, 1e300, double.Epsilon, double.NaN, double.PositiveInfinity, double.NegativeInfinity];

    private const string Factory = "ModuleFactory";

    // What would take its time, not show a fault.
    private static readonly string[] s_longRuns = ["Epochs", "Iterations", "Restarts", "Rounds", "Threads", "Sweeps", "Steps"];

    /// <summary>Makes the change.</summary>
    /// <param name="options">The options.</param>
    /// <returns>The name and the value; null where there is nothing to change.</returns>
    internal (string Name, string Value)? Apply(object options)
    {
        var all = Options(options).ToArray();
        var (owner, property) = all[Option % all.Length];
        var values = Values(property).ToArray();
        if (values.Length == 0)
        {
            return null;
        }
        var value = values[Value % values.Length];
        property.SetValue(owner, value);
        return (property.Name, Text(value));
    }

    internal static IEnumerable<string> Names(object options) => Options(options).Select(option => option.Property.Name).Append(Factory);

    // The options, and those of their parts.
    private static IEnumerable<(object Owner, PropertyInfo Property)> Options(object options)
        => options.GetType().GetProperties().Where(property => property.Name is not (nameof(TrainingOptions.CancellationToken) or nameof(TrainingOptions.Progress) or nameof(TrainingOptions.CheckpointPath) or Factory))
            .OrderBy(property => property.Name, StringComparer.Ordinal)
            .SelectMany(property => property.PropertyType.Assembly == typeof(TrainingOptions).Assembly && property.PropertyType.IsClass && property.GetValue(options) is { } part
                ? Options(part)
                : property.CanWrite ? [(options, property)] : []);

    private static IEnumerable<object?> Values(PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var integers = s_longRuns.Any(word => property.Name.Contains(word, StringComparison.Ordinal)) ? s_counts : s_integers;
        IEnumerable<object?> values = type switch
        {
            _ when type == typeof(int) => integers.Cast<object>(),
            _ when type == typeof(double) => s_numbers.Cast<object>(),
            _ when type == typeof(float) => s_numbers.Select(number => (object)(float)number),
            _ when type == typeof(bool) => [false, true],
            _ when type.IsEnum => [.. Enum.GetValues(type), Enum.ToObject(type, -1), Enum.ToObject(type, 99)],
            _ when type == typeof(string) => Texts(null, "", "Nowhere", "Label", "Features"),
            _ when type.IsAssignableFrom(typeof(string[])) => Lists<string>(null, [], ["Nowhere"], [""], [null!], ["cosine", "cosine"]),
            _ when type.IsAssignableFrom(typeof(int[])) => Lists<int>(null, [], [0], [-1], [1], [3, 2], [2, 2, 2, 2], [int.MinValue]),
            _ when type.IsAssignableFrom(typeof(double[])) => Lists<double>(null, [], [0], [double.NaN], [1], [0.5, 1], [-1], [1e300, 1e300, 1e300]),
            _ when type.IsAssignableFrom(typeof(float[])) => Lists<float>(null, [], [0], [float.NaN], [1, 2, 3, 4]),
            _ => [],
        };
        return Nullable.GetUnderlyingType(property.PropertyType) is null ? values : values.Prepend(null);
    }

    private static IEnumerable<object?> Texts(params string?[] texts) => texts;

    private static IEnumerable<object?> Lists<T>(params T[]?[] lists) => lists;

    private static string Text(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        IEnumerable list => $"[{string.Join(", ", list.Cast<object?>().Select(Text))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
