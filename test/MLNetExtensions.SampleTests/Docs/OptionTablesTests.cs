using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using MLNetExtensions.TimeSeries;

namespace MLNetExtensions.SampleTests.Docs;

/// <summary>The tables of options say what the code says: each option of each class once, none that does not exist, with the default that it has.</summary>
[TestClass]
public sealed partial class OptionTablesTests
{
    private static Type[] OptionTypes { get; } = [.. typeof(TrainingOptions).Assembly.GetExportedTypes().Where(type => type is { IsClass: true, IsAbstract: false } && type.Name.EndsWith("Options", StringComparison.Ordinal))];

    [TestMethod]
    public void EveryOptionIsInATableWithItsDefault()
    {
        Assert.IsGreaterThan(10, OptionTypes.Length);
        var rows = MarkdownPage.All.SelectMany(page => page.OptionRows.Select(row => (page.Path, row.Type, row.Cells))).ToArray();
        Found.Nothing(Problems(rows));
    }

    [TestMethod]
    [DataRow("`MaskRate`", "0.25", "")]
    [DataRow("`MaskRate`", "0.5", "MaskRate is 0.25")]
    [DataRow("`MaskRat`", "0.25", "no option MaskRat")]
    [DataRow("`MaskRate`, `Causal`", "0.25, false", "")]
    [DataRow("`MaskRate`, `Causal`", "0.25; true", "Causal is false")]
    [DataRow("`MaskRate`, `Causal`, `Patience`", "0.25, false", "as many defaults")]
    [DataRow("`OutputColumnName`", "null: the input's", "")]
    [DataRow("`OutputColumnName`", "`Output`", "OutputColumnName is null")]
    [DataRow("`LearningRateSchedule`", "`HalvingEveryEpoch`", "")]
    [DataRow("`LearningRateSchedule`", "`Constant`", "LearningRateSchedule is `HalvingEveryEpoch`")]
    public void AWrongRowIsFound(string names, string defaults, string expected)
    {
        string[] found = [.. RowProblems("TimesNetImputingEstimator.Options", [names, defaults, ""])];
        Assert.Contains(expected, string.Join('\n', found));
        Assert.AreEqual(expected.Length == 0, found.Length == 0);
    }

    [TestMethod]
    public void AMissingRowIsFound()
    {
        string[] found = [.. Problems([("page.md", "TimesNetImputingEstimator.Options", ["`MaskRate`", "0.25", ""])])];
        Assert.Contains("TimesNetImputingEstimator.Options.Causal is in no table.", found);
        Assert.IsFalse(found.Any(problem => problem.Contains("MaskRate", StringComparison.Ordinal)));
    }

    /// <summary>Arguments of the catalogs that have a default have that of the option of the same name.</summary>
    [TestMethod]
    public void DefaultsOfArgumentsAreThoseOfOptions()
    {
        var wrong = new List<string>();
        var compared = 0;
        var calls = typeof(TrainingOptions).Assembly.GetExportedTypes().Where(type => type.Namespace == "Microsoft.ML").SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)).ToLookup(method => (method.DeclaringType, method.Name));
        foreach (var overloads in calls.Where(group => group.Count() > 1))
        {
            if (overloads.SelectMany(method => method.GetParameters()).FirstOrDefault(parameter => OptionTypes.Contains(parameter.ParameterType))?.ParameterType is not { } type)
            {
                continue;
            }
            var options = Make(type);
            foreach (var parameter in overloads.SelectMany(method => method.GetParameters()).Where(parameter => parameter.HasDefaultValue))
            {
                if (type.GetProperties().FirstOrDefault(property => property.Name.Equals(parameter.Name, StringComparison.OrdinalIgnoreCase)) is { } property)
                {
                    compared++;
                    var (expected, actual) = (property.GetValue(options), parameter.DefaultValue);
                    if (expected is Enum && actual is not null and not Enum)
                    {
                        actual = Enum.ToObject(expected.GetType(), actual);
                    }
                    if (!Equals(expected, actual))
                    {
                        wrong.Add($"{overloads.Key.Name}({parameter.Name} = {actual ?? "null"}): the option is {expected ?? "null"}");
                    }
                }
            }
        }
        Assert.IsGreaterThan(30, compared);
        Found.Nothing(wrong);
    }

    private static IEnumerable<string> Problems(IReadOnlyCollection<(string Page, string Types, string[] Cells)> rows)
    {
        foreach (var (page, types, cells) in rows)
        {
            foreach (var problem in RowProblems(types, cells))
            {
                yield return $"{page}: {problem}";
            }
        }
        var listed = rows.SelectMany(row => Split(row.Types).SelectMany(type => Names(row.Cells[0]).Select(name => (Type: type, Name: name)))).CountBy(option => option).ToDictionary();
        foreach (var type in OptionTypes)
        {
            foreach (var property in Properties(type))
            {
                var count = listed.GetValueOrDefault((NameOf(type), property.Name));
                if (count == 0)
                {
                    yield return $"{NameOf(type)}.{property.Name} is in no table.";
                }
                else if (count > 1)
                {
                    yield return $"{NameOf(type)}.{property.Name} is listed {count} times.";
                }
            }
        }
    }

    /// <summary>What is wrong with one row: names of options and their defaults, one for all or one for each, separated by commas or semicolons; what a default means may follow a colon.</summary>
    private static IEnumerable<string> RowProblems(string types, string[] cells)
    {
        string[] names = [.. Names(cells[0])];
        string[] defaults = names.Length == 1 ? [cells[1]] : cells[1].Split(cells[1].Contains(';') ? ';' : ',', StringSplitOptions.TrimEntries);
        if (defaults.Length != names.Length && defaults.Length != 1)
        {
            yield return $"not as many defaults as options: {cells[0]} = {cells[1]}";
            yield break;
        }
        foreach (var (index, name) in names.Index())
        {
            var found = false;
            foreach (var type in Split(types).Select(TypeOf))
            {
                if (Properties(type).FirstOrDefault(property => property.Name == name) is { } property)
                {
                    found = true;
                    var text = defaults[defaults.Length == 1 ? 0 : index].Split(':')[0].Trim();
                    if (!Says(text, property.GetValue(Make(type))))
                    {
                        yield return $"{NameOf(type)}.{name} is {Show(property.GetValue(Make(type)))}, not {text}";
                    }
                }
            }
            if (!found)
            {
                yield return $"{types} has no option {name}";
            }
        }
    }

    private static bool Says(string text, object? value) => value switch
    {
        string name => text == Show(name),
        IEnumerable list => list.Cast<object>().Select(Convert.ToDouble).SequenceEqual(text == "none" ? [] : text.Split(',').Select(part => double.TryParse(part, CultureInfo.InvariantCulture, out var number) ? number : double.NaN)),
        double number => double.TryParse(text, CultureInfo.InvariantCulture, out var written) && written == number,
        TimesNetOptions => true,
        _ => text == Show(value),
    };

    private static string Show(object? value) => value switch
    {
        null => "null",
        "" or CancellationToken => "none",
        bool flag => flag ? "true" : "false",
        string or Enum => $"`{value}`",
        IEnumerable list => string.Join(", ", list.Cast<object>().Select(Show)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static object Make(Type type) => type == typeof(TimesNetOptions) ? new TimesNetForecastingEstimator.Options().Network : Activator.CreateInstance(type)!;

    private static IEnumerable<PropertyInfo> Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite || property.PropertyType == typeof(TimesNetOptions));

    private static IEnumerable<string> Names(string cell) => Name().Matches(cell).Select(match => match.Groups[1].Value);

    private static string[] Split(string types) => types.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static string NameOf(Type type) => type.IsNested ? $"{type.DeclaringType!.Name}.{type.Name}" : type.Name;

    private static Type TypeOf(string name) => OptionTypes.SingleOrDefault(type => NameOf(type) == name) ?? throw new AssertFailedException($"No options class '{name}'.");

    [GeneratedRegex("`([A-Za-z0-9]+)`")]
    private static partial Regex Name();
}
