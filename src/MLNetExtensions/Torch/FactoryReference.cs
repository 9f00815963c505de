using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetExtensions.Torch;

/// <summary>A module factory as model files record it: by its name and assembly, with its settings.</summary>
/// <param name="Name">The name of its attribute.</param>
/// <param name="Assembly">The full name of its assembly.</param>
/// <param name="Type">The full name of its type.</param>
/// <param name="Settings">Its properties.</param>
internal sealed record FactoryReference(string Name, string Assembly, string Type, JsonElement Settings)
{
    private static readonly JsonSerializerOptions s_json = new(Json.Plain)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        IgnoreReadOnlyProperties = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>Records a factory. Its settings are copied.</summary>
    /// <exception cref="ArgumentException">It could not be found again: it has no name, no constructor without parameters, or settings that cannot be saved.</exception>
    internal static FactoryReference Of(TorchModuleFactory factory)
    {
        var type = factory.GetType();
        var name = type.GetCustomAttribute<TorchModuleFactoryAttribute>(inherit: false)?.Name;
        if (string.IsNullOrEmpty(name))
        {
            throw new ArgumentException($"The module factory {type} must be marked with [TorchModuleFactory(\"name\")], by which a saved model finds it");
        }
        if (type.IsGenericType || type.GetConstructor(System.Type.EmptyTypes) is null)
        {
            throw new ArgumentException($"The module factory {type} must have a public constructor without parameters and must not be generic");
        }
        try
        {
            return new(name, type.Assembly.FullName!, type.FullName!, JsonSerializer.SerializeToElement(factory, type, s_json));
        }
        catch (Exception e) when (e is NotSupportedException or JsonException or InvalidOperationException)
        {
            throw new ArgumentException($"The module factory {type} must have properties that System.Text.Json can write, or mark others with [JsonIgnore]: {e.Message}", e);
        }
    }

    /// <summary>Makes the factory anew. Exceptions have no inner ones: ML.NET wraps them, and the innermost is the one to be read.</summary>
    /// <exception cref="InvalidOperationException">It is not there any more, or its settings have changed.</exception>
    internal TorchModuleFactory Create()
    {
        var type = FindType(FindAssembly());
        try
        {
            return (TorchModuleFactory?)Settings.Deserialize(type, s_json) ?? throw new JsonException("There are none.");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Of any kind: the setters are the user's.
            throw new InvalidOperationException($"The module factory '{Name}' ({type}) does not take the settings {Settings}: {e.Message}");
        }
    }

    private System.Reflection.Assembly FindAssembly()
    {
        var wanted = NameOf(Assembly);
        // First what is loaded, wherever it came from: plug-ins and notebooks have assemblies that loading by name does not find.
        var loaded = AppDomain.CurrentDomain.GetAssemblies();
        var found = loaded.FirstOrDefault(assembly => assembly.FullName == Assembly) ?? loaded.LastOrDefault(assembly => assembly.GetName().Name == wanted.Name);
        if (found is not null)
        {
            return found;
        }
        try
        {
            return System.Reflection.Assembly.Load(new AssemblyName(wanted.Name!));
        }
        catch (Exception e) when (e is IOException or BadImageFormatException)
        {
            throw new InvalidOperationException($"The module factory '{Name}' of this model is in the assembly '{wanted.Name}', which is not there: {e.Message} Reference the project that holds {Type}, or load its assembly before the model.");
        }
    }

    private AssemblyName NameOf(string assembly)
    {
        try
        {
            return new AssemblyName(assembly) is { Name.Length: > 0 } name ? name : throw new ArgumentException("There is none.");
        }
        catch (Exception e) when (e is ArgumentException or IOException)
        {
            throw new InvalidOperationException($"The module factory '{Name}' of this model is in the assembly '{assembly}', which is no name of one: {e.Message}");
        }
    }

    private System.Type FindType(System.Reflection.Assembly assembly)
    {
        System.Type?[] all;
        try
        {
            all = assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException e)
        {
            all = e.Types;
        }
        if (all.FirstOrDefault(type => type?.FullName == Type) is { } recorded && IsWanted(recorded))
        {
            return recorded;
        }
        var found = all.OfType<System.Type>().Where(IsWanted).ToArray();
        return found.Length switch
        {
            1 => found[0],
            0 => throw new InvalidOperationException($"The assembly '{assembly.FullName}' has no module factory marked [TorchModuleFactory(\"{Name}\")], which this model was made with (then {Type}). Keep the name of a factory that models were saved with."),
            _ => throw new InvalidOperationException($"The assembly '{assembly.FullName}' has several module factories marked [TorchModuleFactory(\"{Name}\")]: {string.Join(", ", found.AsEnumerable())}."),
        };
    }

    private bool IsWanted(System.Type type)
        => type is { IsAbstract: false, IsGenericType: false } && type.IsAssignableTo(typeof(TorchModuleFactory)) && type.GetCustomAttribute<TorchModuleFactoryAttribute>(inherit: false)?.Name == Name;
}
